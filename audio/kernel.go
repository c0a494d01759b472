package audio

import "math"

// The filter: flat to 0.88 of the lower of the two Nyquist frequencies, down by
// 3 dB at 0.93, and by more than 80 dB from that frequency on, so that nothing
// folds back. A flatter one costs more taps: 0.9 would need a fifth more.
const (
	passband  = 0.88
	rejection = 84.0 // dB, a little more than promised: the formula for taps is an estimate
)

// maxTable is how many coefficients a table of exact phases may have (256 KiB).
// Ratios that need more take their coefficients between the rows of a table of
// phasesPerSample rows for each sample of the slower rate.
const (
	maxTable        = 64 << 10
	phasesPerSample = 256
)

// kernel is the polyphase filter from one rate to another: rows of taps
// coefficients, one row for each place between two input samples at which an
// output sample can lie. It is immutable.
type kernel struct {
	up, down int // output sample k lies at input position k*down/up
	taps     int // a multiple of 8
	rows     int // up when the rows are exact, else fewer
	exact    bool
	table    []float32
}

func newKernel(from, to int) kernel {
	g := gcd(from, to)
	k := kernel{up: to / g, down: from / g}
	scale := math.Min(1, float64(to)/float64(from)) // of the lower rate to the input's
	cutoff := (1 + passband) / 4 * scale            // the middle of the transition, in cycles per input sample
	width := (1 - passband) / 2 * scale
	k.taps = (int(math.Ceil((rejection-7.95)/(14.36*width)))/8 + 1) * 8
	k.exact = k.up*k.taps <= maxTable
	if k.exact {
		k.rows = k.up
		k.table = k.design(k.rows, cutoff)
		return k
	}
	k.rows = int(math.Ceil(phasesPerSample * scale))
	k.table = k.design(k.rows+1, cutoff) // one more, to have a right neighbour for the last
	return k
}

func (k kernel) row(i int) []float32 { return k.table[i*k.taps : (i+1)*k.taps] }

// design computes n rows of a sinc under a Kaiser window. Each row adds up to
// one, so that a constant stays what it is.
func (k kernel) design(n int, cutoff float64) []float32 {
	beta := 0.1102 * (rejection - 8.7)
	half := k.taps / 2
	table := make([]float32, n*k.taps)
	row := make([]float64, k.taps)
	scale := 1 / bessel0(beta)
	for p := range n {
		shift := float64(p) / float64(k.rows)
		var sum float64
		for j := range row {
			t := float64(j-half+1) - shift
			row[j] = sinc(2*cutoff*t) * kaiser(t/float64(half), beta) * scale
			sum += row[j]
		}
		for j, v := range row {
			table[p*k.taps+j] = float32(v / sum)
		}
	}
	return table
}

func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(beta * math.Sqrt(1-x*x))
}

// bessel0 is the modified Bessel function of the first kind and order 0.
func bessel0(x float64) float64 {
	sum, term, q := 1.0, 1.0, x*x/4
	for i := 1.0; term > sum*1e-17; i++ {
		term *= q / (i * i)
		sum += term
	}
	return sum
}

func sinc(x float64) float64 {
	if math.Abs(x) < 1e-9 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// dot is the sum of products of a and b, which are equally long, a multiple of
// 8. Four sums run side by side, as each addition waits for the one before it.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= 8 && len(b) >= 8 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		s0 += a[4] * b[4]
		s1 += a[5] * b[5]
		s2 += a[6] * b[6]
		s3 += a[7] * b[7]
		a, b = a[8:], b[8:]
	}
	return (s0 + s1) + (s2 + s3)
}
