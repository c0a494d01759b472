// Package silero tells speech from everything else with the Silero model,
// version 5, on ONNX Runtime. One [Model] serves every stream; each stream has a
// [Detector] of about 3 KB.
package silero

import (
	"errors"
	"fmt"
	"slices"

	"sori/engines/ort"
)

const (
	// Window is how many samples a detector takes at a time: 32 ms.
	Window = 512
	// Rate is the rate of the samples in Hz.
	Rate = 16_000

	overlap   = 64 // samples of the last window that the model wants again
	stateSize = 2 * 128
)

// Model is the loaded model. It may be used from many goroutines.
type Model struct {
	r *ort.Runtime
	s *ort.Session
}

// Open loads the model from a file.
func Open(r *ort.Runtime, file string) (*Model, error) {
	s, err := r.OpenSession(file, ort.SessionOptions{FixedShapes: true})
	if err != nil {
		return nil, fmt.Errorf("silero: %w", err)
	}
	if !slices.Equal(s.Inputs(), []string{"input", "state", "sr"}) || !slices.Equal(s.Outputs(), []string{"output", "stateN"}) {
		s.Close()
		return nil, fmt.Errorf("silero: %s is no Silero model of version 5: it takes %v and gives %v", file, s.Inputs(), s.Outputs())
	}
	m := &Model{r: r, s: s}
	// A first run shows a model that has the right names and does something else.
	d, err := m.NewDetector()
	if err == nil {
		_, err = d.Detect(make([]int16, Window))
		d.Close()
	}
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("silero: %s: %w", file, err)
	}
	return m, nil
}

// Close frees the model. Detectors that are still there give errors from then on.
func (m *Model) Close() { m.s.Close() }

// Detector listens to one stream. One goroutine uses it at a time.
type Detector struct {
	values []*ort.Value
	input  []float32 // view: the overlap, then the window
	prob   []float32 // view: the answer
	state  [2][]float32
	// The model reads one state and writes the other, so there is a call for
	// each direction, used in turn.
	calls [2]*ort.Call
	turn  int
}

// NewDetector gives a detector for one stream. The caller closes it.
func (m *Model) NewDetector() (*Detector, error) {
	d := &Detector{}
	if err := d.open(m); err != nil {
		d.Close()
		return nil, fmt.Errorf("silero: %w", err)
	}
	return d, nil
}

func (d *Detector) open(m *Model) error {
	input, view, err := tensor(d, m, make([]float32, overlap+Window), 1, overlap+Window)
	if err != nil {
		return err
	}
	d.input = view
	rate, _, err := tensor(d, m, []int64{Rate}, 1)
	if err != nil {
		return err
	}
	prob, view, err := tensor(d, m, []float32{0}, 1, 1)
	if err != nil {
		return err
	}
	d.prob = view
	var state [2]*ort.Value
	for i := range state {
		state[i], d.state[i], err = tensor(d, m, make([]float32, stateSize), 2, 1, stateSize/2)
		if err != nil {
			return err
		}
	}
	for i := range d.calls {
		d.calls[i], err = m.s.Prepare([]*ort.Value{input, state[i], rate}, []*ort.Value{prob, state[1-i]})
		if err != nil {
			return err
		}
	}
	return nil
}

// tensor makes a tensor that the detector owns, and a view of it.
func tensor[T ort.Elem](d *Detector, m *Model, data []T, shape ...int64) (*ort.Value, []T, error) {
	v, err := ort.NewValue(m.r, data, shape...)
	if err != nil {
		return nil, nil, err
	}
	d.values = append(d.values, v)
	view, err := ort.Data[T](v)
	return v, view, err
}

// Detect takes the next 512 samples at 16,000 Hz (32 ms) and gives the
// probability, 0 to 1, that they hold speech. It takes about 0.1 ms.
func (d *Detector) Detect(window []int16) (float32, error) {
	if len(window) != Window {
		return 0, fmt.Errorf("silero: a window of %d samples, want %d", len(window), Window)
	}
	if d.input == nil {
		return 0, errors.New("silero: the detector is closed")
	}
	copy(d.input, d.input[Window:])
	in := d.input[overlap:]
	for i, s := range window {
		in[i] = float32(s) / 32768
	}
	if err := d.calls[d.turn].Run(); err != nil {
		return 0, fmt.Errorf("silero: %w", err)
	}
	d.turn = 1 - d.turn
	return d.prob[0], nil
}

// Reset forgets what was heard.
func (d *Detector) Reset() {
	clear(d.input)
	for _, s := range d.state {
		clear(s)
	}
}

// Close frees the detector. Closing twice does nothing.
func (d *Detector) Close() {
	for i, c := range d.calls {
		if c != nil {
			c.Close()
			d.calls[i] = nil
		}
	}
	for _, v := range d.values {
		v.Free()
	}
	*d = Detector{}
}
