package atot_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sori/clients/atot"
	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/stage"
)

// places are networks by address; at any other, nobody listens.
type places map[string]*enginetest.Network

func (p places) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n := p[address]; n != nil {
		return n.Dial(ctx, network, address)
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
}

func TestAnotherEngineHearsTheSameUtterance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := enginetest.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = r.Body.Read(make([]byte, 1000)) // and the rest of the upload is stuck
			time.Sleep(10 * time.Second)
		}))
		size := 0
		hears := enginetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, h, err := r.FormFile("file")
			if err != nil {
				t.Error(err)
				return
			}
			size = int(h.Size)
			_, _ = w.Write([]byte(`{"text":"Hello."}`))
		}))
		var told []string
		c := newClient(t, "http://a:1?name=first,openai+http://b:2,openai+http://c:3?model=third", endpoint.Options{
			Dial:      places{"b:2": hangs, "c:3": hears}.dial,
			FirstByte: 2 * time.Second,
			OnFallback: func(ctx context.Context, name stage.Name, from, to string, err error) {
				told = append(told, ctx.Value(key{}).(string)+" "+string(name)+" "+from+" "+to+" "+stage.AsError(name, err).Message)
			},
		})
		ctx := context.WithValue(t.Context(), key{}, "session-1")
		r := enginetest.NewRecording(16_000)
		began := time.Now()
		all, err := hear(ctx, c, utterance(r))
		if err != nil || finalText(t, all) != "Hello." || time.Since(began) != 2*time.Second {
			t.Errorf("heard %v, %v after %v", all, err, time.Since(began))
		}
		if size != len(r.Bytes()) {
			t.Errorf("the third engine got %d bytes of %d", size, len(r.Bytes()))
		}
		if c.Engine() != "first" {
			t.Errorf("the engine is %s", c.Engine())
		}
		if s := strings.Join(told, "\n"); s != "session-1 atot first third The ATOT engine at a:1 is not running: start it, or check --atot." {
			t.Errorf("told: %s", s)
		}
		synctest.Wait()
		if r.Open() != 0 {
			t.Errorf("%d readers of the recording were not closed", r.Open())
		}
	})
}

type key struct{}

func TestHealthOfAList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := enginetest.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		good := enginetest.Serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		o := endpoint.Options{Dial: places{"b:2": hangs, "c:3": good}.dial}
		began := time.Now()
		checks := newClient(t, "http://a:1,http://b:2,http://c:3", o).Check(t.Context())
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		var got []string
		for _, c := range checks {
			code := "ok"
			if c.Err != nil {
				code = stage.AsError(stage.ATOT, c.Err).Code
			}
			got = append(got, c.Address+" "+code)
		}
		if s := strings.Join(got, ", "); s != "a:1 engine_unreachable, b:2 engine_timeout, c:3 ok" {
			t.Error(s)
		}
		if err := newClient(t, "http://a:1,http://c:3", o).Health(t.Context()); err != nil {
			t.Error(err)
		}
		if err := newClient(t, "http://a:1,http://b:2", o).Health(t.Context()); err == nil {
			t.Error("nobody is there, and all is well?")
		}
	})
}

func TestWrongURLsAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := atot.New("http://h?voice=x", endpoint.Options{}); err == nil || !strings.HasPrefix(err.Error(), "--atot: ") {
		t.Error(err)
	}
}
