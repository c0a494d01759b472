package energy

const (
	blockLen = 16    // windows: 0.5 s
	blocks   = 6     // the floor forgets after 3 s
	hoped    = -55.0 // dBFS: what a stream is taken to be like before it is known
)

// floor follows the level of the noise: the quietest window of the last three
// seconds, since even fast speech has a gap in that time.
type floor struct {
	mins  [blocks]float64 // dBFS, the quietest of each block; the one at block is unfinished
	block int
	n     int // windows in the unfinished block
	heard int // windows since reset, up to blockLen
}

func (f *floor) reset() {
	*f = floor{}
	for i := range f.mins {
		f.mins[i] = hoped
	}
}

// hear takes the level of the next window in dBFS.
func (f *floor) hear(level float64) {
	if f.n == 0 {
		f.mins[f.block] = level
	}
	f.mins[f.block] = min(f.mins[f.block], level)
	f.heard = min(f.heard+1, blockLen)
	if f.n++; f.n == blockLen {
		f.n, f.block = 0, (f.block+1)%blocks
	}
}

// level is the floor in dBFS.
func (f *floor) level() float64 {
	l := f.mins[0]
	for _, m := range f.mins[1:] {
		l = min(l, m)
	}
	return l
}

// known says that enough was heard for the floor to mean something.
func (f *floor) known() bool { return f.heard == blockLen }
