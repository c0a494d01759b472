package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sori/server"
	"sori/stage"
)

type readiness struct {
	Ready, Starting, Stopping bool
	Sessions                  int
	Parts                     []struct {
		Name         string
		OK, Required bool
		Error        string
		Load         *struct {
			Resting []string
			Serves  string
		}
	}
}

func readyz(t *testing.T, h http.Handler) (int, readiness) {
	t.Helper()
	w := get(t, h, "/readyz")
	var r readiness
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return w.Code, r
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		store := errors.New("redis://user:password@host is down")
		var down atomic.Pointer[error]
		h := handler(t, server.Config{Checks: []server.Check{
			{Name: "store", Required: true, Check: func(context.Context) error {
				asked.Add(1)
				if err := down.Load(); err != nil {
					return *err
				}
				return nil
			}},
			{Name: "tts", Check: func(context.Context) error {
				return &stage.Error{Stage: stage.TTS, Code: stage.CodeUnreachable, Message: "Nobody listens."}
			}},
			{Name: "atot", Check: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		}})
		code, r := readyz(t, h)
		if code != http.StatusOK || !r.Ready || len(r.Parts) != 3 || !r.Parts[0].OK || r.Parts[1].OK ||
			r.Parts[1].Error != "engine_unreachable: Nobody listens." || r.Parts[2].Error != "no answer in time" {
			t.Errorf("%d %+v", code, r)
		}
		down.Store(&store)
		if _, r := readyz(t, h); !r.Ready || asked.Load() != 1 {
			t.Errorf("the first answer was not kept: %+v, asked %d times", r, asked.Load())
		}
		time.Sleep(6 * time.Second)
		code, r = readyz(t, h)
		if code != http.StatusServiceUnavailable || r.Ready || strings.Contains(r.Parts[0].Error, "password") {
			t.Errorf("%d %+v", code, r)
		}
	})
}

func TestAServerThatStopsIsNotReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{})
		if code, _ := readyz(t, r); code != http.StatusOK {
			t.Errorf("before: %d", code)
		}
		r.connect(t)
		if _, state := readyz(t, r); state.Sessions != 1 {
			t.Errorf("%d sessions", state.Sessions)
		}
		r.stop(nil)
		synctest.Wait()
		if code, state := readyz(t, r); code != http.StatusServiceUnavailable || !state.Stopping {
			t.Errorf("after: %d", code)
		}
		if w := get(t, r, "/healthz"); w.Code != http.StatusOK {
			t.Errorf("it lives: %d", w.Code)
		}
	})
}
