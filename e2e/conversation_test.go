//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/audio"
	"sori/client"
	"sori/history"
	"sori/protocol"
)

// hands is a hands-free session with a microphone that is always open: what is
// not said is silence.
type hands struct {
	t    *testing.T
	conn *client.Conn
	say  chan []byte
	mu   sync.Mutex
	got  []client.Message
	at   []time.Time
}

func handsFree(t *testing.T, s *sori) *hands {
	t.Helper()
	d := protocol.DefaultTurnDetection()
	d.Mode = protocol.ServerVAD
	h := &hands{t: t, conn: dial(t, s, protocol.Configure{TurnDetection: &d}), say: make(chan []byte, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { h.microphone(ctx) })
	wg.Go(func() { h.listen(ctx) })
	t.Cleanup(func() {
		cancel()
		_ = h.conn.CloseNow()
		wg.Wait()
	})
	return h
}

// microphone sends 20 ms frames in real time.
func (h *hands) microphone(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var pcm []byte
	frame := make([]byte, 640)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if len(pcm) == 0 {
			select {
			case pcm = <-h.say:
			default:
			}
		}
		clear(frame)
		pcm = pcm[copy(frame, pcm):]
		if h.conn.SendAudio(ctx, frame) != nil {
			return
		}
	}
}

func (h *hands) listen(ctx context.Context) {
	for {
		m, err := h.conn.Receive(ctx)
		if err != nil {
			return
		}
		h.mu.Lock()
		h.got = append(h.got, m)
		h.at = append(h.at, time.Now())
		h.mu.Unlock()
	}
}

// until waits for the first event of a kind and gives it.
func (h *hands) until(kind string) protocol.Event {
	h.t.Helper()
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		h.mu.Lock()
		for _, m := range h.got {
			if m.Event != nil && m.Event.Type() == kind {
				h.mu.Unlock()
				return m.Event
			}
		}
		h.mu.Unlock()
	}
	h.t.Fatalf("no %s within 40 s: %s", kind, h.kinds())
	return nil
}

// forget begins anew: until looks only at what comes from now on.
func (h *hands) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got, h.at = nil, nil
}

func (h *hands) kinds() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ks []string
	for _, m := range h.got {
		k := "audio"
		if m.Event != nil {
			k = m.Event.Type()
		}
		if e, ok := m.Event.(protocol.SpeechStopped); ok && e.Discarded != "" {
			k += "(" + string(e.Discarded) + ")"
		}
		if len(ks) == 0 || ks[len(ks)-1] != k {
			ks = append(ks, k)
		}
	}
	return strings.Join(ks, " ")
}

// Conversations in real time, with real engines. They go on beside each other
// and before all else: where everything wants the processors, a reply is resumed
// before anybody knows what was said over it.
//
//nolint:paralleltest // see above
func TestConversations(t *testing.T) {
	for name, one := range map[string]func(*testing.T){
		"hands-free": handsFreeTurns, "partials": partialsOfRealSpeech, "script": converseScript, "realtime": realtimeVoice,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one(t)
		})
	}
}

// Hands-free: the end of speech is found, the reply is spoken, and speaking over
// it stops it.
func handsFreeTurns(t *testing.T) {
	sp, stop := twoSentences(t)
	s := serve(t)
	h := handsFree(t, s)

	h.say <- sp.pcm
	h.until("speech.started")
	h.until("speech.stopped")
	h.until("audio.begin")
	time.Sleep(700 * time.Millisecond) // sori is in the middle of its reply
	h.say <- stop.pcm
	h.until("reply.paused")
	paused := time.Now()
	cut, ok := h.until("turn.cancelled").(protocol.TurnCancelled)
	if !ok || cut.Reason != protocol.CancelledByBargeIn || cut.Record.HeardMS == nil {
		t.Errorf("cancelled %+v", cut)
	}
	if e, n := wordErrors(sp.text, cut.Record.ATOTText); 100*e > 40*n {
		t.Errorf("heard %q of %q", cut.Record.ATOTText, sp.text)
	}
	h.mu.Lock()
	for i, m := range h.got {
		if m.Audio != nil && m.Head.Turn == 1 && h.at[i].After(paused.Add(100*time.Millisecond)) {
			t.Error("audio of the interrupted reply came after the pause")
			break
		}
	}
	h.mu.Unlock()
	done, ok := h.until("turn.done").(protocol.TurnDone)
	if !ok || done.Record.Number != 2 || done.Record.Status != history.Done {
		t.Errorf("the interruption was answered with %+v", done)
	}
	t.Logf("decision %.0f ms and first audio %.0f ms after the end of speech", *done.Record.Timings.Decision, *done.Record.Timings.AudioFirst)
}

// Somebody who reads aloud at length is heard while speaking, unless the machine
// is too busy to recognise anything before the end. So they read several times.
func partialsOfRealSpeech(t *testing.T) {
	sp := ownSpeech(t)
	long := append(append(append([]byte{}, sp.pcm...), make([]byte, 2*audio.Rate/5)...), sp.pcm...)
	h := handsFree(t, serve(t))
	for range 4 {
		h.say <- long
		done, _ := h.until("turn.done").(protocol.TurnDone)
		if last, ok := partials(t, h); ok {
			t.Logf("last partial %q, transcript %q", last, done.Record.ATOTText)
			return
		}
		h.forget()
	}
	t.Error("no speech.partial in four readings")
}

// partials looks at what was told of speech under way: no word is taken back. It
// gives the last.
func partials(t *testing.T, h *hands) (last string, ok bool) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.got {
		switch e := m.Event.(type) {
		case protocol.SpeechStarted:
			last = ""
		case protocol.SpeechPartial:
			was, now := plainWords(last), plainWords(e.Text)
			if len(now) <= len(was) || !slices.Equal(now[:len(was)], was) {
				t.Errorf("%q takes back words of %q", e.Text, last)
			}
			last, ok = e.Text, true
		}
	}
	return last, ok
}

// `sori talk --converse` drives a script: what it says, when, and what is to
// happen.
func converseScript(t *testing.T) {
	question, stop := twoSentences(t)
	s := serve(t)
	dir := t.TempDir()
	for name, sp := range map[string]speech{"question.wav": question, "stop.wav": stop} {
		head := audio.WAVHeader(sp.rate, 1, len(sp.pcm))
		if err := os.WriteFile(filepath.Join(dir, name), append(head[:], sp.pcm...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, script string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const interrupted = `
mode: %s
steps:
  - say: question.wav
  - wait: audio.begin
  - pause: 700ms
  - say: stop.wav
  - wait: reply.paused
  - wait: turn.cancelled
    where: {reason: interrupted, record.status: cancelled}
    not: turn.done
  - wait: turn.done
    where: {record.turn: "2"}
  - text: hello
  - wait: turn.done
`
	for _, mode := range []string{"server_vad", "semantic"} {
		out, errs, code := run(t, "talk", "--converse", write(mode+".yaml", fmt.Sprintf(interrupted, mode)), "--url", s.ws(), "--json")
		if code != 0 {
			t.Errorf("%s: exit %d: %s\n%s", mode, code, errs, tail(out))
		}
	}
	for name, c := range map[string]struct{ script, says string }{
		"what does not happen": {"steps: [{text: hello}, {wait: turn.cancelled, not: turn.done}]", "step 2"},
		"wrong field":          {"steps: [{text: hello}, {wait: turn.done, where: {record.status: failed}}]", `"done", not "failed"`},
		"never":                {"steps: [{wait: turn.done, timeout: 200ms}]", "within 200ms"},
		"no file":              {"steps: [{say: nothing.wav}]", "nothing.wav"},
		"two things":           {"steps: [{text: a, commit: true}]", "exactly one"},
		"unknown word":         {"steps: [{shout: a}]", "shout"},
		"no steps":             {"mode: manual", "no steps"},
	} {
		_, errs, code := run(t, "talk", "--converse", write("bad.yaml", c.script), "--url", s.ws())
		if code == 0 || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit %d, want another than 0 and %q: %s", name, code, c.says, errs)
		}
	}
}
