package models_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/engines/models"
)

// web is a server of one file that counts what it is asked for.
type web struct {
	body []byte
	// cut is how many bytes the first answers give before they break off, one
	// entry each.
	cut     []int
	noRange bool // gives all, whatever part was asked for
	status  int  // instead of an answer, when not 0

	mu     sync.Mutex
	ranges []string // guarded by mu
}

func (s *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.ranges)
	s.ranges = append(s.ranges, r.Header.Get("Range"))
	s.mu.Unlock()
	if s.status != 0 {
		w.WriteHeader(s.status)
		return
	}
	if s.noRange {
		r.Header.Del("Range")
	}
	if n < len(s.cut) {
		w.Header().Set("Content-Length", fmt.Sprint(len(s.body)))
		_, _ = w.Write(s.body[:s.cut[n]]) // the connection is broken off below
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.body))
}

func (s *web) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.ranges...)
}

func (s *web) start(t *testing.T) (url string) {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return srv.URL
}

// onWeb is a bundle of one file in a folder of its own.
func onWeb(url string, body []byte) models.Bundle {
	f := file("weights", string(body))
	f.Name = "deep/down/weights.bin"
	b := bundle("big", f)
	b.Source = models.Source{Kind: models.KindURL, Ref: url}
	return b
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(b) // never fails
	return b
}

func quick() models.Options { return models.Options{Backoff: time.Millisecond} }

func TestPullFromTheWeb(t *testing.T) {
	t.Parallel()
	body := noise(200_000)
	for name, c := range map[string]struct {
		server *web
		code   models.Code // "" for success
		ranges []string
	}{
		"at once":             {&web{}, "", []string{""}},
		"broken off":          {&web{cut: []int{120_000}}, "", []string{"", "bytes=120000-"}},
		"no parts":            {&web{cut: []int{120_000}, noRange: true}, "", []string{"", "bytes=120000-"}},
		"broken off for good": {&web{cut: []int{10, 0, 0}}, models.CodeNetwork, []string{"", "bytes=10-", "bytes=10-"}},
		"not there":           {&web{status: http.StatusNotFound}, models.CodeRefused, []string{""}},
		"needs an account":    {&web{status: http.StatusUnauthorized}, models.CodeRefused, []string{""}},
		"overloaded":          {&web{status: http.StatusServiceUnavailable}, models.CodeNetwork, []string{"", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, dir := c.server, t.TempDir()
			server.body = body
			want := []models.Bundle{onWeb(server.start(t), body)}
			err := models.Pull(t.Context(), dir, want, quick())
			if c.code != "" {
				_ = wantCode(t, err, c.code)
			} else if err != nil || models.Verify(t.Context(), dir, want) != nil {
				t.Errorf("pull: %v, verify: %v", err, models.Verify(t.Context(), dir, want))
			}
			wantClean(t, dir)
			if got := server.asked(); fmt.Sprint(got) != fmt.Sprint(c.ranges) && name != "broken off for good" {
				t.Errorf("asked for %q, want %q", got, c.ranges)
			}
		})
	}
}

// A pull that is interrupted is gone on with by the next.
func TestInterruptedPullGoesOn(t *testing.T) {
	t.Parallel()
	body := noise(1 << 20)
	half := make(chan struct{})
	var once sync.Once
	hang := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		once.Do(func() { close(half) })
		<-r.Context().Done()
	}))
	defer hang.Close()
	dir := t.TempDir()
	ctx, stop := context.WithCancelCause(t.Context())
	pulled := make(chan error, 1)
	go func() { pulled <- models.Pull(ctx, dir, []models.Bundle{onWeb(hang.URL, body)}, quick()) }()
	<-half
	part := filepath.Join(dir, "big", "deep", "down", "weights.bin.part")
	for { // the client has it when the file says so
		if st, err := os.Stat(part); err == nil && st.Size() > 0 {
			break
		}
		select {
		case <-t.Context().Done():
			t.Fatal("nothing was written")
		case <-time.After(time.Millisecond):
		}
	}
	stop(io.ErrClosedPipe)
	if err := <-pulled; err == nil || !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
		t.Fatalf("interrupted: %v", err)
	}
	server := &web{body: body}
	want := []models.Bundle{onWeb(server.start(t), body)}
	if err := models.Pull(t.Context(), dir, want, quick()); err != nil {
		t.Fatal(err)
	}
	if got := server.asked(); len(got) != 1 || !strings.HasPrefix(got[0], "bytes=") {
		t.Errorf("it did not go on: asked for %q", got)
	}
	if err := models.Verify(t.Context(), dir, want); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(part); err == nil {
		t.Error("the part was left behind")
	}
}

func TestWrongFileFromTheWeb(t *testing.T) {
	t.Parallel()
	body := noise(1000)
	other := append([]byte{}, body...)
	other[7]++
	for name, served := range map[string][]byte{"changed": other, "longer": append(append([]byte{}, body...), "more"...)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, dir := &web{body: served}, t.TempDir()
			want := []models.Bundle{onWeb(server.start(t), body)}
			_ = wantCode(t, models.Pull(t.Context(), dir, want, quick()), models.CodeChecksum)
			if left, err := filepath.Glob(filepath.Join(dir, "big", "deep", "down", "*")); err != nil || len(left) != 0 {
				t.Errorf("a wrong file is left: %v %v", left, err)
			}
		})
	}
}

func TestAnotherSourceHasIt(t *testing.T) {
	t.Parallel()
	body := noise(1000)
	server := &web{body: body}
	b := onWeb("http://127.0.0.1:1", body) // nobody listens
	b.Also = []models.Source{{Kind: models.KindURL, Ref: server.start(t)}}
	dir := t.TempDir()
	var said bytes.Buffer
	o := quick()
	o.Out = &said
	if err := models.Pull(t.Context(), dir, []models.Bundle{b}, o); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "next from url") {
		t.Errorf("it did not say where it went on: %s", said.String())
	}
	b.Also = []models.Source{{Kind: models.KindURL, Ref: "http://127.0.0.1:1/else"}}
	_ = wantCode(t, models.Pull(t.Context(), t.TempDir(), []models.Bundle{b}, quick()), models.CodeNetwork)
}
