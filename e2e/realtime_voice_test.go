//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/base64"
	bits "encoding/binary"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"sori/audio"
)

// said is a recording of a person, where there are any, else sori's own speech.
func said(t testing.TB) speech {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", "..", "shared", "audio", "refs.txt")); err != nil {
		return plainSpeech(t)
	}
	all := realSpeech(t)
	shortest := all[0]
	for _, sp := range all[1:] {
		if len(sp.pcm)*shortest.rate < len(shortest.pcm)*sp.rate {
			shortest = sp
		}
	}
	return shortest
}

// at brings sound to another rate.
func at(t testing.TB, pcm []byte, from, to int) []byte {
	t.Helper()
	shape, err := audio.NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return shape.Flush(shape.Append(nil, pcm))
}

// squeezed gives samples in G.711, stretched gives them back.
func squeezed(pcm []byte, one func(int16) byte) []byte {
	var b []byte
	for i := 0; i < len(pcm); i += 2 {
		b = append(b, one(int16(bits.LittleEndian.Uint16(pcm[i:])))) //nolint:gosec // a sample
	}
	return b
}

func stretched(b []byte, one func(byte) int16) []byte {
	var pcm []byte
	for _, c := range b {
		pcm = bits.LittleEndian.AppendUint16(pcm, uint16(one(c))) //nolint:gosec // a sample
	}
	return pcm
}

// transcribed is what sori hears in a sound.
func (s *sori) transcribed(pcm []byte, rate int) string {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "reply.wav")
	if err != nil {
		s.t.Fatal(err)
	}
	head := audio.WAVHeader(rate, 1, len(pcm))
	_, _ = file.Write(append(head[:], pcm...)) // into memory
	_ = form.WriteField("model", "any")
	_ = form.Close()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url()+"/v1/audio/transcriptions", &body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var heard struct{ Text string }
	if err := json.NewDecoder(resp.Body).Decode(&heard); err != nil {
		s.t.Fatal(err)
	}
	return heard.Text
}

// A client of the OpenAI Realtime API speaks in each format, is understood, and
// hears an answer in it that can be understood.
func realtimeVoice(t *testing.T) {
	sp := said(t)
	s := serve(t)
	pcm := func(rate int) string { return fmt.Sprintf(`{"type":"audio/pcm","rate":%d}`, rate) }
	asIs := func(b []byte) []byte { return b }
	t.Run("sound in items", func(t *testing.T) {
		t.Parallel()
		soundInItems(t, s, sp)
	})
	for _, c := range []struct {
		name, format string
		rate         int
		detection    string
		encode       func([]byte) []byte
		decode       func([]byte) []byte
	}{
		{"8 kHz", pcm(8000), 8000, `{"type":"server_vad"}`, asIs, asIs},
		{"24 kHz", pcm(24000), 24000, `{"type":"semantic_vad","eagerness":"auto"}`, asIs, asIs},
		{"48 kHz", pcm(48000), 48000, `{"type":"server_vad","silence_duration_ms":700}`, asIs, asIs},
		{
			"mu-law", `{"type":"audio/pcmu"}`, 8000, `{"type":"server_vad"}`,
			func(b []byte) []byte { return squeezed(b, audio.ToMuLaw) }, func(b []byte) []byte { return stretched(b, audio.MuLaw) },
		},
		{
			"A-law", `{"type":"audio/pcma"}`, 8000, `{"type":"semantic_vad","eagerness":"high"}`,
			func(b []byte) []byte { return squeezed(b, audio.ToALaw) }, func(b []byte) []byte { return stretched(b, audio.ALaw) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := dialRealtime(t, s, "?model=gpt-realtime")
			r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":` + c.format +
				`,"turn_detection":` + c.detection + `},"output":{"format":` + c.format + `}}}}`)
			r.until("session.updated")
			voice := at(t, sp.pcm, sp.rate, c.rate)
			r.say(c.encode(append(voice, make([]byte, 4*c.rate)...)), c.rate) // and two seconds of silence
			done := r.until("response.done")
			if done.Response.Status != "completed" || len(done.Response.Output) != 1 || done.Response.Usage.Total == 0 {
				t.Errorf("response.done: %+v", done.Response)
			}
			heard := r.until("conversation.item.input_audio_transcription.completed").Transcript
			if edits, words := wordErrors(sp.text, heard); edits*4 > words {
				t.Errorf("said %q, heard %q", sp.text, heard)
			}
			r.send(`{"type":"conversation.item.retrieve","item_id":"` + r.until("input_audio_buffer.committed").ItemID + `"}`)
			mine := r.until("conversation.item.retrieved").Item
			if len(mine.Content) != 1 {
				t.Fatalf("retrieved %+v", mine)
			}
			again := s.transcribed(c.decode(mine.Content[0].Audio), c.rate)
			if edits, words := wordErrors(sp.text, again); edits*4 > words {
				t.Errorf("what was said, retrieved, sounds like %q", again)
			}
			sound := c.decode(r.sound())
			if level, _ := audio.Level(sound); len(sound) < c.rate || level < -50 {
				t.Errorf("%d bytes of reply, level %v dB", len(sound), level)
			}
			reply := r.until("response.output_audio_transcript.done").Transcript
			back := s.transcribed(sound, c.rate)
			if edits, words := wordErrors(reply, back); edits*2 > words {
				t.Errorf("the reply %q sounds like %q", reply, back)
			}
			t.Logf("%q → %q, which sounds like %q", heard, reply, back)
		})
	}
}

// soundInItems puts what was said before into the conversation, and asks about it
// within it and beside it.
func soundInItems(t *testing.T, s *sori, sp speech) {
	t.Helper()
	r := dialRealtime(t, s, "?model=gpt-realtime")
	item := `{"type":"message","role":"user","content":[{"type":"input_audio","audio":"` + base64.StdEncoding.EncodeToString(at(t, sp.pcm, sp.rate, 24_000)) + `"}]}`
	r.send(`{"type":"conversation.item.create","item":` + item + `}`)
	r.send(`{"type":"response.create","response":{"output_modalities":["text"]}}`)
	r.send(`{"type":"response.create","response":{"conversation":"none","output_modalities":["text"],"metadata":{"beside":"it"},"input":[` + item + `]}}`)
	heard := r.until("conversation.item.input_audio_transcription.completed").Transcript
	if edits, words := wordErrors(sp.text, heard); edits*4 > words {
		t.Errorf("said %q, heard %q", sp.text, heard)
	}
	r.nth("response.done", 2)
	for n := range 2 {
		done := r.nth("response.done", n+1)
		if text := r.nth("response.output_text.done", n+1).Text; done.Response.Status != "completed" || !strings.Contains(text, heard[:len(heard)/2]) {
			t.Errorf("%+v says %q", done.Response, text)
		}
	}
}

// The names of models mean profiles and text engines, as the operator says, and
// the beta's names are spoken to who asks for them.
func TestRealtimeNames(t *testing.T) {
	t.Parallel()
	const long = "I am another engine, and I say more than fits into a moment."
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"choices":[{"message":{"content":"` + long + `"}}],"usage":{"prompt_tokens":11,"completion_tokens":22,"total_tokens":33}}`))
	}))
	t.Cleanup(engine.Close)
	profiles := filepath.Join(t.TempDir(), "profiles.yaml")
	if err := os.WriteFile(profiles, []byte("kiosk: {instructions: Sell tickets., language: en}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--profiles", profiles, "--realtime-voice", "marin=awb",
		"--realtime-model", "gpt-realtime=kiosk,gpt-realtime-mini=openai+"+engine.URL+"/v1?model=x,gpt-realtime-mini=kiosk")
	for model, want := range map[string]string{"gpt-realtime": "", "gpt-realtime-mini": long} {
		r := dialRealtime(t, s, "?model="+model)
		if got := string(r.until("session.created").Session["instructions"]); got != `"Sell tickets."` {
			t.Errorf("%s: instructions %s", model, got)
		}
		r.send(`{"type":"session.update","session":{"voice":"marin","modalities":["text"]}}`) // the beta's form
		r.until("session.updated")
		r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"what can you do"}]}}`)
		r.until("conversation.item.created")
		r.send(`{"type":"response.create"}`)
		if got := r.until("response.text.done").Text; got == "" || want != "" && got != want || want == "" && strings.Contains(got, "another") {
			t.Errorf("%s answers %q", model, got)
		}
	}
	stoppedWhileSpeaking(t, s)
}

// stoppedWhileSpeaking stops the server in the midst of a response: it is spoken
// to its end, and the client hears that it may come back.
func stoppedWhileSpeaking(t *testing.T, s *sori) {
	t.Helper()
	r := dialRealtime(t, s, "?model=gpt-realtime-mini")
	r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"what can you do"}]}}`)
	r.send(`{"type":"response.create"}`)
	r.until("response.output_audio.delta")
	if slices.Contains(r.kinds(), "response.done") {
		t.Fatal("the response was over before the server could be stopped")
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	done := r.until("response.done")
	if n, sound := len(r.sound()), r.until("response.output_audio_transcript.done").Transcript; done.Response.Status != "completed" || n < 2*24_000 || !strings.HasSuffix(sound, "moment.") {
		t.Errorf("%s with %d bytes of sound: %q", done.Response.Status, n, sound)
	}
	if err := <-r.over; websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("the connection ended with %v", err)
	}
	err := <-s.gone
	if s.gone <- err; err != nil {
		t.Errorf("sori ended with %v", err)
	}
}
