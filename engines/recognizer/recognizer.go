package recognizer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"

	"sori/engines/energy"
)

var (
	// ErrBusy says that as many utterances wait as may.
	ErrBusy = errors.New("recognizer: too many utterances wait")
	// ErrClosed says that the recognizer was closed.
	ErrClosed = errors.New("recognizer: closed")
	// ErrTooLong says that a segment is over 20 s.
	ErrTooLong = errors.New("recognizer: the segment is too long")
)

// Rate is the rate of all samples in Hz.
const Rate = 16_000

// Model hears segments. Its methods may be called from many goroutines.
type Model interface {
	// Hear gives the words in one segment: Rate, mono, -1 to 1. language is a
	// base tag such as "ko", "" where it is not known. ended says that the model
	// came to an end by itself; where it did not, it was looping. A segment that
	// is longer than the model can hear is ErrTooLong.
	Hear(ctx context.Context, samples []float32, language string) (text string, ended bool, err error)
	// Close frees the model. Nobody hears then, nor later.
	Close()
}

// Detector tells speech from everything else, 512 samples (32 ms) at a time.
type Detector interface {
	Detect(window []int16) (float32, error)
	Close()
}

// Options tune a [Recognizer].
type Options struct {
	// Name stands before errors: the model's, such as "moonshine".
	Name string
	// Workers is how many segments are heard at once, on one thread each; as
	// many as there are processors when 0. Each takes up to about 90 MB.
	Workers int
	// Waiting is how many utterances may wait beyond those that are heard, 64
	// when 0. One more is ErrBusy.
	Waiting int
	// NewDetector gives the detector that finds the speech in an utterance; the
	// energy detector when nil.
	NewDetector func() (Detector, error)
}

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Waiting <= 0 {
		o.Waiting = 64
	}
	if o.NewDetector == nil {
		o.NewDetector = func() (Detector, error) { return energy.New(), nil }
	}
	return o
}

// Recognizer hears speech. All methods may be called from many goroutines.
type Recognizer struct {
	m           Model
	what        string // stands before errors
	newDetector func() (Detector, error)
	inside      chan struct{} // one entry for each utterance that is heard or waits
	workers     chan struct{} // one entry for each worker at work
	closed      chan struct{} // closed by Close
	closing     sync.Once
}

// New makes a recognizer of a model, which is then the recognizer's to close.
func New(m Model, o Options) *Recognizer {
	o = o.withDefaults()
	return &Recognizer{
		m: m, what: o.Name, newDetector: o.NewDetector,
		inside:  make(chan struct{}, o.Workers+o.Waiting),
		workers: make(chan struct{}, o.Workers),
		closed:  make(chan struct{}),
	}
}

// Close waits for the segments that are being heard and frees the model. What
// is asked of the recognizer from then on is ErrClosed.
func (r *Recognizer) Close() {
	r.closing.Do(func() {
		close(r.closed)
		for range cap(r.workers) { // once all places are taken, nobody works
			r.workers <- struct{}{}
		}
		r.m.Close()
	})
}

// enter takes a place for an utterance.
func (r *Recognizer) enter() (leave func(), err error) {
	select {
	case r.inside <- struct{}{}:
		return func() { <-r.inside }, nil
	default:
		return nil, fmt.Errorf("%w: %d", ErrBusy, cap(r.inside))
	}
}

// work runs f on a worker.
func (r *Recognizer) work(ctx context.Context, f func() error) error {
	select {
	case <-r.closed:
		return ErrClosed
	default:
	}
	select {
	case <-r.closed:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	case r.workers <- struct{}{}:
		defer func() { <-r.workers }()
		return f()
	}
}

// Transcribe hears one segment: 16,000 Hz, mono, -1 to 1, at most 20 s and
// better at most 15. The segment must hold speech: for silence the model makes
// words up. ErrBusy says that too many wait; when ctx ends, the cause comes back
// within a token's time, about 10 ms.
func (r *Recognizer) Transcribe(ctx context.Context, samples []float32) (string, error) {
	leave, err := r.enter()
	if err != nil {
		return "", err
	}
	defer leave()
	var text string
	err = r.work(ctx, func() (err error) {
		text, _, err = r.m.Hear(ctx, samples, "")
		return err
	})
	return text, r.name(err)
}

// TranscribeLong hears an utterance of any length: 16,000 Hz, mono. Without
// speech in it the text is empty and the error nil. Errors are those of
// [Recognizer.Transcribe].
func (r *Recognizer) TranscribeLong(ctx context.Context, pcm []int16) (string, error) {
	text := ""
	for t, err := range r.Stream(ctx, pcm) {
		if err != nil {
			return "", err
		}
		text = t
	}
	return text, nil
}

// Stream is TranscribeLong that gives the text so far after each segment. An
// utterance without speech gives nothing. An error ends the stream.
func (r *Recognizer) Stream(ctx context.Context, pcm []int16) iter.Seq2[string, error] {
	return r.StreamIn(ctx, "", pcm)
}

// StreamIn is Stream for an utterance in a language, a base tag such as "ko".
func (r *Recognizer) StreamIn(ctx context.Context, language string, pcm []int16) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		leave, err := r.enter()
		if err != nil {
			yield("", err)
			return
		}
		defer leave()
		var spans []span
		err = r.work(ctx, func() (err error) {
			pcm = raise(pcm)
			spans, err = r.find(ctx, pcm)
			return err
		})
		if err != nil {
			yield("", r.name(err))
			return
		}
		said := ""
		for i := range spans {
			var text string
			err := r.work(ctx, func() (err error) {
				text, err = r.hearSpan(ctx, language, pcm, spans, i)
				return err
			})
			if err != nil {
				yield("", r.name(err))
				return
			}
			if text == "" {
				continue
			}
			said = strings.TrimSpace(said + " " + text)
			if !yield(said, nil) {
				return
			}
		}
	}
}

// name says whose error it is, once.
func (r *Recognizer) name(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, ErrClosed) || errors.Is(err, ErrBusy) || errors.Is(err, ErrTooLong) {
		return err
	}
	return fmt.Errorf("%s: %w", r.what, err)
}

// find looks for the speech in the utterance.
func (r *Recognizer) find(ctx context.Context, pcm []int16) ([]span, error) {
	d, err := r.newDetector()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	n := len(pcm) / window
	probs, levels := make([]float32, 0, n+1), make([]float64, 0, n+1)
	for len(pcm) > 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		w := pcm[:min(window, len(pcm))]
		pcm = pcm[len(w):]
		if len(w) < window { // the rest of the last window is silence to the detector only
			w = append(make([]int16, 0, window), w...)[:window]
		}
		p, err := d.Detect(w)
		if err != nil {
			return nil, err
		}
		probs, levels = append(probs, p), append(levels, level(w))
	}
	return plan(probs, levels), nil
}

const (
	wanted  = 0.1 // of full scale: the level that quiet speech is brought to, -20 dBFS
	maxGain = 30  // 30 dB: what is quieter yet is no speech to a microphone
	loudest = 5   // windows: so many are louder or as loud, so that a click does not count
)

// raise gives the utterance louder where it is quiet, so that the detector and
// the model hear in it what they would hear close by.
func raise(pcm []int16) []int16 {
	var top [loudest]float64 // levels, the loudest first
	for w := range slices.Chunk(pcm, window) {
		l := level(w)
		for i := range top {
			if l > top[i] {
				l, top[i] = top[i], l
			}
		}
	}
	rms := math.Sqrt(top[loudest-1]) / 32768
	if rms == 0 || rms >= wanted {
		return pcm
	}
	gain := min(wanted/rms, maxGain)
	louder := make([]int16, len(pcm))
	for i, s := range pcm {
		louder[i] = int16(max(math.MinInt16, min(math.MaxInt16, math.Round(gain*float64(s)))))
	}
	return louder
}

// level is the mean square of the samples.
func level(w []int16) float64 {
	var sum int64
	for _, s := range w {
		sum += int64(s) * int64(s)
	}
	return float64(sum) / float64(len(w))
}

// hearSpan hears one stretch. The model sometimes finds no words, or no end of
// them, in a piece that it hears well with a little more or less around it.
func (r *Recognizer) hearSpan(ctx context.Context, language string, pcm []int16, spans []span, i int) (string, error) {
	var first string
	for try, pad := range []int{padding * window, 3 * padding * window / 2, 0} {
		from, to := spans[i].samples(spans, i, pad, len(pcm))
		text, ended, err := r.m.Hear(ctx, floats(pcm[from:to]), language)
		if err != nil {
			return "", err
		}
		if hasWords(text) && ended {
			return text, nil
		}
		if try == 0 || !hasWords(first) {
			first = text
		}
	}
	if !hasWords(first) {
		return "", nil
	}
	return first, nil
}

func floats(pcm []int16) []float32 {
	fs := make([]float32, len(pcm))
	for i, s := range pcm {
		fs[i] = float32(s) / 32768
	}
	return fs
}

func hasWords(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}
