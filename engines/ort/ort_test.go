package ort_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/engines/ort"
)

func TestOpenWhatIsNoLibrary(t *testing.T) {
	t.Parallel()
	_, fs := open(t)
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.so")
	if err := os.WriteFile(garbage, []byte("no library"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "missing.so"), garbage, fs.Silero, dir} {
		if _, err := ort.Open(path); err == nil {
			t.Errorf("%s was loaded", path)
		}
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	a, fs := open(t)
	b, err := ort.Open(fs.Runtime)
	if err != nil {
		t.Fatal(err)
	}
	if a.Version() != b.Version() || !strings.Contains(a.Version(), ".") {
		t.Errorf("versions are %q and %q", a.Version(), b.Version())
	}
	session(t, b, fs.Silero)
}

func TestOpenSessionOnBadFiles(t *testing.T) {
	t.Parallel()
	r, fs := open(t)
	whole, err := os.ReadFile(fs.Silero)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, body := range map[string][]byte{
		"empty.onnx":     nil,
		"text.onnx":      []byte("this is no model"),
		"zeros.onnx":     make([]byte, 10_000),
		"truncated.onnx": whole[:len(whole)/2],
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := r.OpenSession(path, ort.SessionOptions{})
		if err == nil {
			s.Close()
			t.Errorf("%s was taken for a model", name)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("the error does not name the file: %v", err)
		}
	}
	for _, path := range []string{filepath.Join(dir, "missing.onnx"), dir} {
		if _, err := r.OpenSession(path, ort.SessionOptions{}); err == nil {
			t.Errorf("%s was taken for a model", path)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	r, fs := open(t)
	s := session(t, r, fs.Silero)
	if !slices.Equal(s.Inputs(), []string{"input", "state", "sr"}) || !slices.Equal(s.Outputs(), []string{"output", "stateN"}) {
		t.Fatalf("the model takes %v and gives %v", s.Inputs(), s.Outputs())
	}
	in := sileroInputs(t, r)
	out, err := s.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ort.Data[float32](out[0])
	if err != nil || len(p) != 1 || p[0] < 0 || p[0] > 1 {
		t.Errorf("the answer is %v, %v", p, err)
	}
	shape, err := out[1].Shape()
	if err != nil || !slices.Equal(shape, []int64{2, 1, 128}) {
		t.Errorf("the state's shape is %v, %v", shape, err)
	}

	// A prepared call writes the same into tensors that are there already.
	prob, state := value(t, r, []float32{-1}, 1, 1), value(t, r, make([]float32, 256), 2, 1, 128)
	c, err := s.Prepare(in, []*ort.Value{prob, state})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	again, err := ort.Data[float32](prob)
	if err != nil || again[0] != p[0] {
		t.Errorf("the prepared call gives %v, the run %v; %v", again, p, err)
	}
	for _, v := range out {
		v.Free()
		v.Free()
	}
	if _, err := ort.Data[float32](out[0]); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a freed tensor gave %v", err)
	}
	if _, err := out[0].Shape(); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a freed tensor gave %v", err)
	}
}

func TestBadRunsAreErrors(t *testing.T) {
	t.Parallel()
	r, fs := open(t)
	s := session(t, r, fs.Silero)
	good := sileroInputs(t, r)
	freed, err := ort.NewValue(r, []int64{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	freed.Free()
	for name, in := range map[string][]*ort.Value{
		"none":           nil,
		"too few":        good[:2],
		"too many":       append(slices.Clone(good), good[0]),
		"a nil":          {good[0], good[1], nil},
		"a freed one":    {good[0], good[1], freed},
		"another type":   {value(t, r, make([]int64, 576), 1, 576), good[1], good[2]},
		"another rank":   {good[0], value(t, r, make([]float32, 256), 256), good[2]},
		"another length": {good[0], value(t, r, make([]float32, 6), 2, 1, 3), good[2]},
	} {
		if out, err := s.Run(t.Context(), in); err == nil {
			t.Errorf("%s: gave %d values", name, len(out))
		}
	}
	c, err := s.Prepare(good, []*ort.Value{value(t, r, make([]float32, 9), 9), value(t, r, make([]float32, 256), 2, 1, 128)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Run(); err == nil {
		t.Error("an answer of another shape was written")
	}
	c.Close()
	c.Close()
	if err := c.Run(); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a closed call gave %v", err)
	}
}

func TestBadTensorsAreErrors(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	for _, shape := range [][]int64{nil, {0}, {2}, {-3}, {3, 0}, {-1, -3}, {math.MaxInt64, math.MaxInt64}, {3, 2}, slices.Repeat([]int64{1}, 40)} {
		if v, err := ort.NewValue(r, []float32{1, 2, 3}, shape...); err == nil {
			v.Free()
			t.Errorf("the shape %v was taken for 3 values", shape)
		}
	}
	if v, err := ort.NewValue(r, []float32{}, 0); err == nil {
		v.Free()
		t.Error("an empty tensor was made")
	}
	v := value(t, r, []bool{true, false}, 2)
	if got, err := ort.Data[bool](v); err != nil || !slices.Equal(got, []bool{true, false}) {
		t.Errorf("the tensor holds %v, %v", got, err)
	}
	if _, err := ort.Data[float32](v); err == nil {
		t.Error("bools were viewed as float32")
	}
	if _, err := ort.Data[int64](v); err == nil {
		t.Error("bools were viewed as int64")
	}
	if _, err := ort.Data[bool](nil); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("no tensor gave %v", err)
	}
}

func TestContextEndsARun(t *testing.T) {
	t.Parallel()
	r, fs := open(t)
	s := session(t, r, fs.Encoder)
	audio := value(t, r, make([]float32, 40*16000), 1, 40*16000)
	began := time.Now()
	out, err := s.Run(t.Context(), []*ort.Value{audio})
	if err != nil {
		t.Fatal(err)
	}
	out[0].Free()
	whole := time.Since(began)

	why := errors.New("the caller went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(whole/10, func() { cancel(why) })
	defer timer.Stop()
	began = time.Now()
	_, err = s.Run(ctx, []*ort.Value{audio})
	t.Logf("ended %s after it began, a whole run takes %s", time.Since(began), whole)
	if !errors.Is(err, why) {
		t.Errorf("the run gave %v, want the context's cause", err)
	}
	if _, err := s.Run(ctx, []*ort.Value{audio}); !errors.Is(err, why) {
		t.Errorf("an ended context gave %v", err)
	}
}

func TestCloseWaitsForRuns(t *testing.T) {
	t.Parallel()
	r, fs := open(t)
	s := session(t, r, fs.Silero)
	in := sileroInputs(t, r)
	var wg sync.WaitGroup
	started := make(chan struct{}, 4)
	for range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				out, err := s.Run(t.Context(), in)
				if errors.Is(err, ort.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, v := range out {
					v.Free()
				}
				if n == 3 {
					started <- struct{}{}
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	s.Close()
	s.Close()
	wg.Wait()
	if _, err := s.Prepare(in, nil); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a closed session gave %v", err)
	}
}
