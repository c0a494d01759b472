package llama_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"sori/engines/llama"
	"sori/engines/models"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loadOnce loads llama.cpp for all tests: a process has it once.
//
//nolint:gochecknoglobals // a process has the library once
var loadOnce = sync.OnceValues(func() (*llama.Library, error) {
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		return nil, err
	}
	bundles, err := models.Select(nil, models.Extras(runtime.GOOS, runtime.GOARCH), models.NameLlama)
	if err != nil {
		return nil, err
	}
	if err := models.Check(dir, bundles); err != nil {
		return nil, err
	}
	path, _ := models.Path(dir, bundles, models.IDLlama)
	return llama.Load(filepath.Dir(path))
})

// library gives llama.cpp, or skips the test where it is not fetched; in CI that
// is a failure.
func library(tb testing.TB) *llama.Library {
	tb.Helper()
	l, err := loadOnce()
	if err == nil {
		return l
	}
	if e, ok := errors.AsType[*models.Error](err); ok && e.Code == models.CodeMissing && os.Getenv("CI") != "true" {
		tb.Skip("`sori models pull llama` fetches what this needs: ", err)
	}
	tb.Fatal(err)
	return nil
}

// open opens a model that is closed when the test ends.
func open(tb testing.TB, path string, o llama.Options) *llama.Responder {
	tb.Helper()
	r, err := library(tb).Open(path, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// reply gives the whole reply. A model of random weights may well have nothing
// to say.
func reply(tb testing.TB, r *llama.Responder, p stage.Prompt) string {
	tb.Helper()
	text, err := answer(tb, r, p)
	if err != nil && code(err) != stage.CodeEmptyReply {
		tb.Fatal(err)
	}
	return text
}

func answer(tb testing.TB, r *llama.Responder, p stage.Prompt) (string, error) {
	tb.Helper()
	var text strings.Builder
	for piece, err := range r.Respond(tb.Context(), p) {
		if err != nil {
			return text.String(), err
		}
		text.WriteString(piece)
	}
	return text.String(), nil
}

// code gives the code of a stage's error, "" for another or none.
func code(err error) string {
	if e, ok := errors.AsType[*stage.Error](err); ok {
		return e.Code
	}
	return ""
}
