package ort_test

import (
	"math"
	"os"
	"runtime"
	"testing"

	"sori/engines/models"
	"sori/engines/ort"
)

// open gives the library and the models, or skips the test where they are
// missing; in CI that is a failure.
func open(tb testing.TB) (*ort.Runtime, models.Files) {
	tb.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err == nil {
		err = models.Check(dir, bundles)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	fs, err := models.Locate(dir, bundles)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := ort.Open(fs.Runtime)
	if err != nil {
		tb.Fatal(err)
	}
	return r, fs
}

// session opens a model.
func session(tb testing.TB, r *ort.Runtime, file string) *ort.Session {
	tb.Helper()
	s, err := r.OpenSession(file, ort.SessionOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// value makes a tensor that is freed when the test ends.
func value[T ort.Elem](tb testing.TB, r *ort.Runtime, data []T, shape ...int64) *ort.Value {
	tb.Helper()
	v, err := ort.NewValue(r, data, shape...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Free)
	return v
}

// sileroInputs are what the Silero model takes.
func sileroInputs(tb testing.TB, r *ort.Runtime) []*ort.Value {
	tb.Helper()
	x := make([]float32, 576)
	for i := range x {
		x[i] = float32(math.Sin(float64(i) / 7))
	}
	return []*ort.Value{value(tb, r, x, 1, 576), value(tb, r, make([]float32, 256), 2, 1, 128), value(tb, r, []int64{16000}, 1)}
}
