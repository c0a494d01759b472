//go:build e2e

package e2e_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/audio"
	"sori/client"
	"sori/history"
)

// A person speaks, sori answers: real engines end to end.
func TestAPersonSpeaksAndSoriAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, "--recordings", "folder")
	t.Run("real speech is heard", func(t *testing.T) { hearPeople(t, s) })
	t.Run("sori hears itself", func(t *testing.T) { hearItself(t, s) })
	t.Run("other rates", func(t *testing.T) { otherRates(t, s) })
	t.Run("twenty at once", func(t *testing.T) { twentyAtOnce(t, s) })
	t.Run("history", func(t *testing.T) { historyIsKept(t, s) })
}

// Pooled word error rate of at most 5 % through the WebSocket.
func hearPeople(t *testing.T, s *sori) {
	var edits, words int
	for _, sp := range realSpeech(t) {
		conn := dial(t, s, format(sp.rate))
		a := ask(t, conn, client.Turn{PCM: sp.pcm, Rate: sp.rate, Fast: true})
		if !a.Done() {
			t.Errorf("%s: %+v", sp.name, a.Record.Error)
			continue
		}
		e, n := wordErrors(sp.text, a.Record.ATOTText)
		edits, words = edits+e, words+n
		t.Logf("%s: %d errors in %d words: %q", sp.name, e, n, a.Record.ATOTText)
	}
	if rate := 100 * float64(edits) / float64(words); rate > 5 {
		t.Errorf("word error rate %.1f %%, want at most 5", rate)
	}
}

// The spoken reply, fed back, gives the reply's words with at most 25 % errors.
func hearItself(t *testing.T, s *sori) {
	var edits, words int
	var delays []time.Duration
	for _, text := range []string{"hello", "what can you do", "what is twelve times twelve", "my name is Anna", "how many feet are in a mile"} {
		conn := dial(t, s, format(audio.Rate))
		a := ask(t, conn, client.Turn{Text: text})
		if !a.Done() || len(a.Audio) == 0 {
			t.Fatalf("%q: %+v", text, a.Record)
		}
		back := ask(t, dial(t, s, format(audio.Rate)), client.Turn{PCM: a.Audio, Rate: audio.Rate, Fast: true})
		e, n := wordErrors(a.Record.TTOTText, back.Record.ATOTText)
		edits, words = edits+e, words+n
		t.Logf("%q\n    said  %q\n    heard %q", text, a.Record.TTOTText, back.Record.ATOTText)
		if d, ok := back.Delay(); ok {
			delays = append(delays, d)
		}
	}
	rate := 100 * float64(edits) / float64(words)
	t.Logf("word error rate %.1f %% over %d words; end of speech to first audio: %v", rate, words, delays)
	if rate > 25 {
		t.Errorf("word error rate of sori's own voice %.1f %%, want at most 25", rate)
	}
}

// What a client sends at 48 and 8 kHz is heard, and the reply has its rate.
func otherRates(t *testing.T, s *sori) {
	question := ask(t, dial(t, s, format(48000)), client.Turn{Text: "what can you do"})
	for _, rate := range []int{8000, 22050, 44100, 48000} {
		up, err := audio.NewResampler(48000, rate)
		if err != nil {
			t.Fatal(err)
		}
		pcm := up.Flush(up.Append(nil, question.Audio))
		a := ask(t, dial(t, s, format(rate)), client.Turn{PCM: pcm, Rate: rate, Fast: true})
		if !a.Done() {
			t.Errorf("%d Hz: %+v", rate, a.Record.Error)
			continue
		}
		e, n := wordErrors(question.Record.TTOTText, a.Record.ATOTText)
		if 100*e > 25*n {
			t.Errorf("%d Hz: %d errors in %d words: %q", rate, e, n, a.Record.ATOTText)
		}
		ms := int64(len(a.Audio)) * 1000 / int64(2*rate)
		if math.Abs(float64(ms-a.Record.OutputMS)) > 5 {
			t.Errorf("%d Hz: %d ms of audio came, the record says %d", rate, ms, a.Record.OutputMS)
		}
	}
}

// Twenty sessions talk at once: every turn completes, memory stays bounded.
func twentyAtOnce(t *testing.T, s *sori) {
	question := ask(t, dial(t, s, format(audio.Rate)), client.Turn{Text: "what is twelve times twelve"})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	for range 20 {
		wg.Go(func() {
			a := ask(t, dial(t, s, format(audio.Rate)), client.Turn{PCM: question.Audio, Rate: audio.Rate, Fast: true})
			if !a.Done() {
				t.Errorf("a turn failed: %+v", a.Record.Error)
			}
			d, _ := a.Delay()
			mu.Lock()
			slowest = max(slowest, d)
			mu.Unlock()
		})
	}
	wg.Wait()
	t.Logf("20 sessions on %d cores: the last first audio came %v after the end of speech; server %d MB, engines %d MB",
		runtime.NumCPU(), slowest, residentMB(t, s.cmd.Process.Pid), childrenMB(t, s.cmd.Process.Pid))
	if mb := residentMB(t, s.cmd.Process.Pid); mb > 300 {
		t.Errorf("the server holds %d MB", mb)
	}
	if mb := childrenMB(t, s.cmd.Process.Pid); mb > 1200 {
		t.Errorf("the engines hold %d MB", mb)
	}
}

// The turns are readable over HTTP, with their recordings, also after a restart.
func historyIsKept(t *testing.T, s *sori) {
	user := "e2e-history"
	c := format(audio.Rate)
	c.User = &user
	a := ask(t, dial(t, s, c), client.Turn{Text: "hello"})
	b := ask(t, dial(t, s, c), client.Turn{PCM: a.Audio, Rate: audio.Rate, Fast: true})
	var u struct {
		ID      any       `json:"id"`
		Inputs  []*string `json:"input_wav_list"`
		ATOT    []string  `json:"atot_text_list"`
		TTOT    []string  `json:"ttot_text_list"`
		Outputs []*string `json:"output_wav_list"`
	}
	check := func(s *sori) {
		t.Helper()
		if code := s.get("/users/"+user, &u); code != 200 {
			t.Fatalf("GET /users/%s: %d", user, code)
		}
		if len(u.ATOT) != 2 || u.ATOT[0] != "hello" || u.TTOT[1] != b.Record.TTOTText || u.Inputs[0] != nil || u.Inputs[1] == nil {
			t.Fatalf("user %+v", u)
		}
		for _, path := range []*string{u.Inputs[1], u.Outputs[0], u.Outputs[1]} {
			if path == nil {
				t.Fatal("a recording is missing")
			}
			if code := s.get(*path, nil); code != 200 {
				t.Errorf("GET %s: %d", *path, code)
			}
		}
	}
	check(s)
	if code := s.get("/users/nobody-at-all", nil); code != 404 {
		t.Errorf("an unknown user: %d", code)
	}
	if err := s.stop(); err != nil {
		t.Fatalf("sori ends with %v", err)
	}
	check(serve(t, "--data", s.data))
}

// `sori talk` is what scripts use.
func TestTalk(t *testing.T) {
	t.Parallel()
	s := serve(t)
	dir := t.TempDir()
	question := filepath.Join(dir, "question.wav")
	if out, errs, code := run(t, "talk", "--text", "what can you do", "--url", s.ws(), "--out", question, "--fast"); code != 0 {
		t.Fatalf("sori talk --text: exit %d\n%s%s", code, out, errs)
	}
	reply := filepath.Join(dir, "reply.wav")
	out, errs, code := run(t, "talk", question, "--url", s.ws(), "--user", "42", "--out", reply, "--json", "--fast")
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var last struct {
		Type   string       `json:"type"`
		Record history.Turn `json:"record"`
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %q", l)
		}
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if last.Type != "turn.done" || last.Record.UserID != "42" || last.Record.ATOTText == "" || last.Record.TTOTText == "" {
		t.Errorf("last line %s", lines[len(lines)-1])
	}
	if w := readWAV(t, reply, ""); len(w.pcm) == 0 {
		t.Error("the reply is empty")
	}

	text := filepath.Join(dir, "text.wav")
	if err := os.WriteFile(text, []byte("this is no recording, it is a text"), 0o600); err != nil {
		t.Fatal(err)
	}
	silence := filepath.Join(dir, "silence.wav")
	head := audio.WAVHeader(16000, 1, 64000)
	if err := os.WriteFile(silence, append(head[:], make([]byte, 64000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a text named .wav": {[]string{text, "--url", s.ws()}, "WAV"},
		"no such file":      {[]string{filepath.Join(dir, "none.wav"), "--url", s.ws()}, "none.wav"},
		"silence":           {[]string{silence, "--url", s.ws(), "--fast"}, "no speech"},
		"nobody there":      {[]string{question, "--url", "ws://127.0.0.1:1/ws"}, "127.0.0.1:1"},
	} {
		out, errs, code := run(t, append([]string{"talk"}, c.args...)...)
		if code == 0 || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d, want another than 0 and %q:\n%s%s", name, code, c.says, out, errs)
		}
	}
}
