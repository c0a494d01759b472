package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/server"
	"sori/server/ogg/oggtest"
	"sori/session"
	"sori/stage"
)

// oneShot gives a server whose sessions are talkers, and the last of them.
func oneShot(t *testing.T, fail *stage.Error) (h http.Handler, last func() *talker) {
	t.Helper()
	var now *talker
	h = handler(t, server.Config{
		Session: session.Options{MaxUtterance: 2 * time.Second},
		NewSession: func(session.Options) server.Session {
			now = newTalker()
			now.fail = fail
			return now
		},
		MaxUpload: 1 << 20,
	})
	return h, func() *talker { return now }
}

const spokenRun = `{"step1_atot":{"success":true,"user_id":%[1]s,"input_wav":"/users/%[2]s/recordings/in.wav","atot_text":"you said this"},
	"step2_ttot":{"success":true,"user_id":%[1]s,"ttot_text":"I see."},
	"step3_tts":{"success":true,"output_wav":"/users/%[2]s/recordings/out.wav","tts_error":null},"success":true,"user_id":%[1]s,
	"final_data":{"input_wav":"/users/%[2]s/recordings/in.wav","atot_text":"you said this","ttot_text":"I see.","output_wav":"/users/%[2]s/recordings/out.wav"},"errors":[]}`

func TestARunWithAudioIsATurn(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 16_000)
	for name, tc := range map[string]struct {
		media string
		body  []byte
		rate  int // of the session
		bytes int // that it hears; -1: half a second at least
	}{
		"wav":            {"audio/wav", wavOf(16_000, 1, 500), 16_000, 16_000},
		"wav, x-":        {"audio/x-wav", wavOf(8_000, 1, 500), 8_000, 8_000},
		"wav, stereo":    {"audio/wav", wavOf(48_000, 2, 500), 48_000, 48_000},
		"wav, 96 kHz":    {"audio/wav", wavOf(96_000, 1, 500), 16_000, 16_000},
		"wav, no type":   {"", wavOf(16_000, 1, 500), 16_000, 16_000},
		"wav, as ogg":    {"audio/ogg", wavOf(16_000, 1, 500), 16_000, 16_000},
		"wav, as stream": {"application/octet-stream", wavOf(16_000, 1, 500), 16_000, 16_000},
		"ogg":            {"audio/ogg", oggtest.Speech(t, "../audio/testdata/opus/silk20.packets"), 16_000, -1},
		"ogg, no type":   {"", oggtest.Speech(t, "../audio/testdata/opus/silk20.packets"), 16_000, -1},
		"pcm":            {"audio/pcm", raw, 16_000, 16_000},
		"pcm, rate":      {"audio/pcm; rate=24000", raw, 24_000, 16_000},
	} {
		h, last := oneShot(t, nil)
		w := ask(t, h, http.MethodPost, "/run-full-pipeline?user_id=kim&language=ko&voice=v&instructions=short&output_rate=24000", bytes.NewReader(tc.body), "Content-Type: "+tc.media)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
			continue
		}
		sameJSON(t, w.Body.String(), fmt.Sprintf(spokenRun, `"kim"`, "kim"))
		c := last().config
		if *c.User != "kim" || *c.Language != "ko" || *c.Voice != "v" || *c.Instructions != "short" || c.Output.Rate != 24_000 ||
			*c.Input != (protocol.Format{Encoding: protocol.EncodingPCM, Rate: tc.rate}) || *c.PaceMS != 0 {
			t.Errorf("%s: configured %+v", name, c)
		}
		if n := len(last().heard); n != tc.bytes && (tc.bytes >= 0 || n < 16_000) {
			t.Errorf("%s: the session heard %d bytes", name, n)
		}
	}
}

// upload gives a multipart body with fields and files, in this order.
func upload(t *testing.T, media string, file []byte, fields ...string) (body io.Reader, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if file != nil {
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {`form-data; name="audio"; filename="../../etc/passwd.wav"`}, "Content-Type": {media},
		})
		if err != nil {
			t.Fatal(err)
		}
		part.Write(file) //nolint:errcheck // memory takes it
	}
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, "Content-Type: " + w.FormDataContentType()
}

func TestUploads(t *testing.T) {
	t.Parallel()
	h, last := oneShot(t, nil)
	body, contentType := upload(t, "audio/wav", wavOf(16_000, 1, 300), "user_id", "12", "language", "ko")
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", body, contentType)
	sameJSON(t, w.Body.String(), fmt.Sprintf(spokenRun, "12", "12"))
	if *last().config.Language != "ko" {
		t.Error("a field behind the file was lost")
	}
	body, contentType = upload(t, "audio/pcm", make([]byte, 9600), "rate", "8000")
	if w := ask(t, h, http.MethodPost, "/run-full-pipeline", body, contentType); w.Code != http.StatusOK || last().config.Input.Rate != 8000 {
		t.Errorf("pcm: %d %s", w.Code, w.Body)
	}
	body, contentType = upload(t, "", nil, "text", "typed words")
	if w := ask(t, h, http.MethodPost, "/run-full-pipeline", body, contentType); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"atot_text":"typed words"`) {
		t.Errorf("text: %d %s", w.Code, w.Body)
	}
}

func TestARunWithText(t *testing.T) {
	t.Parallel()
	h, _ := oneShot(t, nil)
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", strings.NewReader(`{"text":"hello","user_id":10}`), "Content-Type: application/json")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"step1_atot":{"success":true,"user_id":10,"input_wav":null,"atot_text":"hello"}`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestARunAnswersWithSpeech(t *testing.T) {
	t.Parallel()
	h, _ := oneShot(t, nil)
	w := ask(t, h, http.MethodPost, "/run-full-pipeline?output_rate=8000", bytes.NewReader(wavOf(16_000, 1, 300)), "Content-Type: audio/wav", "Accept: audio/wav")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "audio/wav" || w.Body.Len() != 44+3*640 ||
		w.Header().Get("Content-Location") != "/users/10/recordings/out.wav" {
		t.Errorf("%d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
	}
}

// streamed is one server-sent event.
type streamed struct{ name, data string }

func events(t *testing.T, body string) []streamed {
	t.Helper()
	var all []streamed
	for block := range strings.SplitSeq(strings.TrimSpace(body), "\n\n") {
		var e streamed
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				e.name = v
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				e.data = v
			}
		}
		if !json.Valid([]byte(e.data)) {
			t.Errorf("%q is no JSON", block)
		}
		all = append(all, e)
	}
	return all
}

func TestARunStreamsItsSteps(t *testing.T) {
	t.Parallel()
	h, _ := oneShot(t, nil)
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", bytes.NewReader(wavOf(16_000, 1, 300)), "Content-Type: audio/wav", "Accept: text/event-stream")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var seen []string
	all := events(t, w.Body.String())
	for _, e := range all {
		var status struct{ Status string }
		_ = json.Unmarshal([]byte(e.data), &status)
		seen = append(seen, strings.TrimSpace(e.name+" "+status.Status))
	}
	want := "step1_atot started,step1_atot partial,step1_atot done,step2_ttot started,step2_ttot partial,step2_ttot done,step3_tts started,step3_tts done,result"
	if got := strings.Join(seen, ","); got != want {
		t.Errorf("got %s", got)
	}
	sameJSON(t, all[len(all)-1].data, fmt.Sprintf(spokenRun, "10", "10"))

	pulled, _, _ := seedServer(t)
	w = ask(t, pulled, http.MethodPost, "/run-full-pipeline", nil, "Accept: text/event-stream")
	if all := events(t, w.Body.String()); len(all) != 10 || all[9].name != "result" {
		t.Errorf("a pulled run: %s", w.Body)
	}
}

func TestARunThatFails(t *testing.T) {
	t.Parallel()
	for name, status := range map[stage.Name]int{stage.ATOT: 422, stage.TTOT: 502, stage.TTS: 200} {
		code := stage.CodeStatus
		if name == stage.ATOT {
			code = stage.CodeNoSpeech
		}
		h, _ := oneShot(t, &stage.Error{Stage: name, Code: code, Message: "It broke."})
		post := func(header ...string) (int, string) {
			w := ask(t, h, http.MethodPost, "/run-full-pipeline", bytes.NewReader(wavOf(16_000, 1, 300)), append(header, "Content-Type: audio/wav")...)
			return w.Code, w.Body.String()
		}
		var p struct {
			Code    string
			Success bool
			Errors  []string
		}
		got, body := post()
		if err := json.Unmarshal([]byte(body), &p); err != nil || got != status || p.Success || len(p.Errors) != 1 || p.Errors[0] != "It broke." ||
			(status != 200) != (p.Code == code) {
			t.Errorf("%s: %d %s", name, got, body)
		}
		got, body = post("Accept: text/event-stream")
		all := events(t, body)
		if got != http.StatusOK || all[len(all)-1].name != "result" || !strings.Contains(body, `"status":"failed"`) {
			t.Errorf("%s, streamed: %d %s", name, got, body)
		}
		if got, _ = post("Accept: audio/wav"); got == http.StatusOK {
			t.Errorf("%s: speech came", name)
		}
	}
}

func TestBadRuns(t *testing.T) {
	t.Parallel()
	wav := wavOf(16_000, 1, 300)
	broken, contentType := upload(t, "audio/wav", wav)
	half, err := io.ReadAll(io.LimitReader(broken, 3000))
	if err != nil {
		t.Fatal(err)
	}
	two, twoType := func() (io.Reader, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for range 2 {
			part, err := w.CreateFormFile("audio", "a.wav")
			if err != nil {
				t.Fatal(err)
			}
			part.Write(wav) //nolint:errcheck // memory takes it
		}
		w.Close() //nolint:errcheck,gosec // memory takes it
		return &b, "Content-Type: " + w.FormDataContentType()
	}()
	for name, tc := range map[string]struct {
		target, header string
		body           io.Reader
		status         int
		code           string
	}{
		"a text file":      {"", "Content-Type: audio/wav", strings.NewReader("hello, this is text"), 422, "bad_audio"},
		"an empty wav":     {"", "Content-Type: audio/wav", bytes.NewReader(wavOf(16_000, 1, 0)), 422, "bad_audio"},
		"0 Hz":             {"", "Content-Type: audio/wav", bytes.NewReader(wavOf(0, 1, 0)), 422, "bad_audio"},
		"a broken ogg":     {"", "Content-Type: audio/ogg", strings.NewReader("OggS and nothing else"), 422, "bad_audio"},
		"half a sample":    {"", "Content-Type: audio/pcm", bytes.NewReader(make([]byte, 4001)), 422, "bad_audio"},
		"a blink":          {"", "Content-Type: audio/pcm", bytes.NewReader(make([]byte, 200)), 422, "utterance_empty"},
		"too long":         {"", "Content-Type: audio/pcm", bytes.NewReader(make([]byte, 66_000)), 413, "audio_too_long"},
		"an image":         {"", "Content-Type: image/png", strings.NewReader("\x89PNG"), 415, "unsupported_media_type"},
		"no type":          {"", "X: y", strings.NewReader("what is it"), 415, "unsupported_media_type"},
		"a broken type":    {"", "Content-Type: a/b/c", strings.NewReader("x"), 415, "unsupported_media_type"},
		"bytes, no rate":   {"", "Content-Type: application/octet-stream", bytes.NewReader(make([]byte, 9600)), 415, "unsupported_media_type"},
		"a rate":           {"?rate=1", "Content-Type: audio/pcm", bytes.NewReader(make([]byte, 9600)), 400, "bad_parameter"},
		"an output rate":   {"?output_rate=x", "Content-Type: audio/pcm", bytes.NewReader(make([]byte, 9600)), 400, "bad_parameter"},
		"a language":       {"?language=not+one", "Content-Type: audio/pcm", bytes.NewReader(make([]byte, 9600)), 400, "bad_settings"},
		"half a multipart": {"", contentType, bytes.NewReader(half), 400, "bad_multipart"},
		"no boundary":      {"", "Content-Type: multipart/form-data", strings.NewReader("x"), 400, "bad_multipart"},
		"two files":        {"", twoType, two, 400, "one_file_only"},
		"broken json":      {"", "Content-Type: application/json", strings.NewReader("{"), 400, "bad_json"},
		"a json list":      {"", "Content-Type: application/json", strings.NewReader("[1]"), 400, "bad_json"},
		"json of objects":  {"", "Content-Type: application/json", strings.NewReader(`{"user_id":{}}`), 400, "bad_parameter"},
		"blank text":       {"", "Content-Type: application/json", strings.NewReader(`{"text":" "}`), 400, "bad_settings"},
		"a broken form":    {"", "Content-Type: application/x-www-form-urlencoded", strings.NewReader("a=%zz"), 400, "bad_form"},
		"accepts images":   {"", "Accept: image/png", nil, 406, "not_acceptable"},
		"huge, chunked":    {"", "Content-Type: audio/wav", io.MultiReader(bytes.NewReader(audio.AppendHeader(nil, 16_000, 1, audio.UnknownLength)), zeros{}), 413, "audio_too_long"},
		"huge multipart":   {"", contentType, io.MultiReader(bytes.NewReader(half), zeros{}), 413, "body_too_large"},
	} {
		h, _ := oneShot(t, nil)
		w := ask(t, h, http.MethodPost, "/run-full-pipeline"+tc.target, tc.body, tc.header)
		if w.Code != tc.status || problemCode(t, w) != tc.code || strings.Contains(w.Body.String(), "%!") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// unread fails the test when anything reads it.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestALargeBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	h, _ := oneShot(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/run-full-pipeline", unread{t})
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 200 << 20
	r.Header.Set("Content-Type", "audio/wav")
	w := record(t, h, r)
	if w.Code != http.StatusRequestEntityTooLarge || problemCode(t, w) != "body_too_large" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestASlowUploadIsEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{NewSession: func(session.Options) server.Session { return newTalker() }})
		began := time.Now()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sori.test/run-full-pipeline", slow{bytes.NewReader(wavOf(16_000, 1, 1000)), 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "audio/wav")
		resp, err := r.http(t).Do(req)
		if err == nil {
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestTimeout {
				t.Errorf("status %d", resp.StatusCode)
			}
		}
		if took := time.Since(began); took < 59*time.Second || took > 70*time.Second {
			t.Errorf("ended after %v", took)
		}
		time.Sleep(time.Minute)
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestAClientThatLeavesItsRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{NewSession: func(session.Options) server.Session { return newFakeSession() }}) // answers no commit
		conn, err := r.memory.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		body := wavOf(16_000, 1, 300)
		write(t, conn, fmt.Appendf(nil, "POST /run-full-pipeline HTTP/1.1\r\nHost: sori.test\r\nContent-Type: audio/wav\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		synctest.Wait()
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		conn.Close() //nolint:gosec // the point of it
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions after it left", n)
		}
	})
}

func TestRunsCountAsSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{MaxSessions: 1})
		r.connect(t)
		w := ask(t, r, http.MethodPost, "/run-full-pipeline", bytes.NewReader(wavOf(16_000, 1, 300)), "Content-Type: audio/wav")
		if w.Code != http.StatusServiceUnavailable || problemCode(t, w) != "too_many_sessions" || w.Header().Get("Retry-After") == "" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
