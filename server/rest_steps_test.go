package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"

	"sori/history"
	"sori/server"
	"sori/stage"
)

// seedServer serves the seed's page.
func seedServer(t *testing.T) (http.Handler, *seedSteps, *fakeStore) {
	t.Helper()
	store := &fakeStore{}
	f := &seedSteps{store: store}
	return handler(t, server.Config{Store: store, Steps: f.steps()}), f, store
}

const korean = "Accept-Language: ko"

func TestThePagesStepsWithoutAnyParameter(t *testing.T) {
	t.Parallel()
	h, f, _ := seedServer(t)
	sameJSON(t, get(t, h, "/atot").Body.String(), `{"user_id":10,"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트"}`)
	sameJSON(t, get(t, h, "/ttot").Body.String(), `{"user_id":10,"ttot_text":"생성된 응답"}`)
	w := ask(t, h, http.MethodPost, "/process-audio", nil, korean)
	path := savedPath(t, f)
	sameJSON(t, w.Body.String(), fmt.Sprintf(`{"user_id":10,"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트","ttot_text":"생성된 응답",
		"output_wav":%[1]q,"output_wav_list":[%[1]q],"tts_success":true,"message":"✅ 성공! TTS 오디오를 '%[2]s'로 저장했습니다."}`, path, path))
	if wav := f.saved[path]; len(wav) < 44+4800 || string(wav[:4]) != "RIFF" {
		t.Errorf("the recording has %d bytes", len(wav))
	}
	w = get(t, h, "/users/10")
	sameJSON(t, w.Body.String(), fmt.Sprintf(`{"id":10,"input_wav_list":["/static/uploads/abc123.wav"],"atot_text_list":["변환된 텍스트"],
		"ttot_text_list":["생성된 응답"],"output_wav_list":[%q]}`, path))
}

// savedPath gives the one recording that was saved.
func savedPath(t *testing.T, f *seedSteps) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.saved) != 1 {
		t.Fatalf("%d recordings", len(f.saved))
	}
	for path := range f.saved {
		return path
	}
	return ""
}

func TestTheTurnIsKeptWhenTTSIsDown(t *testing.T) {
	t.Parallel()
	h, f, store := seedServer(t)
	f.speak = func(stage.Speech) iter.Seq2[stage.Chunk, error] {
		return failing[stage.Chunk](&stage.Error{Stage: stage.TTS, Code: stage.CodeUnreachable, Message: "Nobody answers at 127.0.0.1:8004."})
	}
	get(t, h, "/atot")
	get(t, h, "/ttot")
	w := ask(t, h, http.MethodPost, "/process-audio", nil, korean)
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
	sameJSON(t, w.Body.String(), `{"user_id":10,"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트","ttot_text":"생성된 응답",
		"output_wav":null,"output_wav_list":[null],"tts_success":false,"message":"⚠️ 데이터는 저장했지만 TTS 생성 실패",
		"tts_error":"TTS 서버 연결 실패 (port 8004가 실행 중인지 확인)"}`)
	turns, _ := store.Recent(t.Context(), "10", 10)
	if len(turns) != 1 || turns[0].Status != history.Failed || turns[0].Error.Code != stage.CodeUnreachable || turns[0].OutputWAV != nil {
		t.Errorf("kept: %+v", turns)
	}
	w = ask(t, h, http.MethodPost, "/run-full-pipeline", nil, korean)
	sameJSON(t, w.Body.String(), `{"step1_atot":{"success":true,"user_id":10,"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트"},
		"step2_ttot":{"success":true,"user_id":10,"ttot_text":"생성된 응답"},
		"step3_tts":{"success":false,"output_wav":null,"tts_error":"TTS 서버 연결 실패 (port 8004가 실행 중인지 확인)"},
		"success":false,"user_id":10,
		"final_data":{"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트","ttot_text":"생성된 응답","output_wav":null},
		"errors":["TTS 서버 연결 실패 (port 8004가 실행 중인지 확인)"]}`)
	w = ask(t, h, http.MethodPost, "/run-full-pipeline", nil, "Accept: audio/wav")
	if w.Code != http.StatusBadGateway || problemCode(t, w) != stage.CodeUnreachable {
		t.Errorf("speech that is not there: %d %s", w.Code, w.Body)
	}
}

func TestThePagesWholeRun(t *testing.T) {
	t.Parallel()
	h, f, _ := seedServer(t)
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", nil)
	sameJSON(t, w.Body.String(), fmt.Sprintf(`{"step1_atot":{"success":true,"user_id":10,"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트"},
		"step2_ttot":{"success":true,"user_id":10,"ttot_text":"생성된 응답"},
		"step3_tts":{"success":true,"output_wav":%[1]q,"tts_error":null},"success":true,"user_id":10,
		"final_data":{"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트","ttot_text":"생성된 응답","output_wav":%[1]q},"errors":[]}`,
		savedPath(t, f)))
	w = ask(t, h, http.MethodPost, "/run-full-pipeline?user_id=11", nil, "Accept: audio/wav")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "audio/wav" || !strings.HasPrefix(w.Body.String(), "RIFF") ||
		!strings.HasPrefix(w.Header().Get("Content-Location"), "/users/11/recordings/") {
		t.Errorf("%d %v %.10q", w.Code, w.Header(), w.Body)
	}
}

func TestStepsOutOfOrder(t *testing.T) {
	t.Parallel()
	h, _, _ := seedServer(t)
	wants := func(method, target, says string) {
		t.Helper()
		w := ask(t, h, method, target, nil)
		if w.Code != http.StatusConflict || problemCode(t, w) != "out_of_order" || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	wants(http.MethodGet, "/ttot", "GET /atot")
	wants(http.MethodPost, "/process-audio", "GET /atot")
	get(t, h, "/atot")
	wants(http.MethodPost, "/process-audio", "GET /ttot")
	wants(http.MethodGet, "/ttot?user_id=11", "GET /atot")
	get(t, h, "/ttot")
	if w := ask(t, h, http.MethodPost, "/process-audio", nil); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	wants(http.MethodPost, "/process-audio", "GET /atot") // it was kept once
}

func TestUserIDsOfEveryCall(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(h http.Handler, step string) (int, string){
		"query": func(h http.Handler, step string) (int, string) {
			w := ask(t, h, http.MethodPost, step+"?user_id=kim", nil)
			return w.Code, w.Body.String()
		},
		"json": func(h http.Handler, step string) (int, string) {
			w := ask(t, h, http.MethodPost, step, strings.NewReader(`{"user_id":"kim"}`), "Content-Type: application/json")
			return w.Code, w.Body.String()
		},
		"form": func(h http.Handler, step string) (int, string) {
			w := ask(t, h, http.MethodPost, step, strings.NewReader(`user_id=kim`), "Content-Type: application/x-www-form-urlencoded")
			return w.Code, w.Body.String()
		},
	} {
		h, _, _ := seedServer(t)
		sameJSON(t, get(t, h, "/atot?user_id=kim").Body.String(), `{"user_id":"kim","input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트"}`)
		get(t, h, "/ttot?user_id=kim")
		for _, step := range []string{"/process-audio", "/run-full-pipeline"} {
			if code, body := do(h, step); code != http.StatusOK || !strings.Contains(body, `"user_id":"kim"`) {
				t.Errorf("%s %s: %d %s", name, step, code, body)
			}
		}
	}
	h, _, _ := seedServer(t)
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", strings.NewReader(`{"user_id":12}`), "Content-Type: application/json")
	if !strings.Contains(w.Body.String(), `"user_id":12,`) {
		t.Errorf("a number: %s", w.Body)
	}
	for _, target := range []string{"/atot?user_id=", "/atot?user_id=a%00b", "/atot?user_id=" + strings.Repeat("u", 200)} {
		if w := get(t, h, target); w.Code != http.StatusBadRequest || problemCode(t, w) != "bad_parameter" {
			t.Errorf("%.40s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestManyUsersAtOnceMixNothing(t *testing.T) {
	t.Parallel()
	h, f, _ := seedServer(t)
	f.pull = func(user string) (server.Heard, error) {
		return server.Heard{UserID: user, InputWAV: "/in/" + user, Text: "heard " + user}, nil
	}
	f.respond = func(p stage.Prompt) iter.Seq2[string, error] { return words("reply to ", p.Text) }
	var wg sync.WaitGroup
	for i := range 100 {
		user := fmt.Sprintf("user-%d", i)
		wg.Go(func() {
			get(t, h, "/atot?user_id="+user)
			get(t, h, "/ttot?user_id="+user)
			var a struct {
				UserID   string `json:"user_id"`
				InputWAV string `json:"input_wav"`
				Text     string `json:"atot_text"`
				Reply    string `json:"ttot_text"`
				All      []any  `json:"output_wav_list"`
			}
			w := ask(t, h, http.MethodPost, "/process-audio?user_id="+user, nil)
			if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
				t.Error(err)
			}
			if a.UserID != user || a.InputWAV != "/in/"+user || a.Text != "heard "+user || a.Reply != "reply to heard "+user || len(a.All) != 1 {
				t.Errorf("%s got %s", user, w.Body)
			}
		})
	}
	wg.Wait()
}

func TestASecondRunOfTheSameUserIsRefused(t *testing.T) {
	t.Parallel()
	h, f, _ := seedServer(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	f.pull = func(user string) (server.Heard, error) {
		if user == "10" {
			close(inside)
			<-leave
		}
		return server.Heard{Text: "x"}, nil
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if w := ask(t, h, http.MethodPost, "/run-full-pipeline", nil); w.Code != http.StatusOK {
			t.Errorf("the first run: %d", w.Code)
		}
	})
	<-inside
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", nil)
	if w.Code != http.StatusConflict || problemCode(t, w) != "run_in_progress" || w.Header().Get("Retry-After") == "" {
		t.Errorf("the second run: %d %s", w.Code, w.Body)
	}
	if w := ask(t, h, http.MethodPost, "/run-full-pipeline?user_id=11", nil); w.Code != http.StatusOK {
		t.Errorf("another user: %d", w.Code)
	}
	close(leave)
	wg.Wait()
}

func TestStepsThatFail(t *testing.T) {
	t.Parallel()
	boom := func(name stage.Name, code string) *stage.Error {
		return &stage.Error{Stage: name, Code: code, Message: "English: " + code}
	}
	for code, status := range map[string]int{
		stage.CodeUnreachable: 502, stage.CodeTimeout: 504, stage.CodeStatus: 502, stage.CodeBadReply: 502, stage.CodeCutOff: 502,
		stage.CodeRejected: 422, stage.CodeBusy: 503, stage.CodeUnauthorized: 502, stage.CodeNotSet: 503, stage.CodeNoSpeech: 422,
		stage.CodeEmptyReply: 502, stage.CodeLanguage: 422, stage.CodeInternal: 500,
	} {
		h, f, _ := seedServer(t)
		f.pull = func(string) (server.Heard, error) { return server.Heard{}, boom(stage.ATOT, code) }
		w := get(t, h, "/atot")
		if w.Code != status || problemCode(t, w) != code || !strings.Contains(w.Body.String(), "English: "+code) {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
		w = get(t, h, "/atot", korean)
		if problemCode(t, w) != code || strings.Contains(w.Body.String(), "English") || strings.Contains(w.Body.String(), "%!") {
			t.Errorf("%s in Korean: %s", code, w.Body)
		}
	}
	h, f, _ := seedServer(t)
	f.respond = func(stage.Prompt) iter.Seq2[string, error] {
		return failing[string](boom(stage.TTOT, stage.CodeTimeout))
	}
	w := ask(t, h, http.MethodPost, "/run-full-pipeline", nil)
	if w.Code != http.StatusGatewayTimeout || problemCode(t, w) != stage.CodeTimeout {
		t.Errorf("a whole run: %d %s", w.Code, w.Body)
	}
	var body struct {
		Step1, Step2 struct{ Success bool } `json:"-"`
		Success      bool
		Errors       []string
		S1           struct{ Success bool } `json:"step1_atot"`
		S2           struct {
			Success bool
			Error   string
		} `json:"step2_ttot"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Success || !body.S1.Success || body.S2.Success || body.S2.Error == "" || len(body.Errors) != 1 {
		t.Errorf("%s", w.Body)
	}
	f.keep = func(history.Turn) (error, error) { return nil, fmt.Errorf("all is full: %w", history.ErrUnavailable) }
	f.respond = nil
	if w := ask(t, h, http.MethodPost, "/run-full-pipeline", nil); w.Code != http.StatusServiceUnavailable || problemCode(t, w) != "store_unavailable" {
		t.Errorf("without a store: %d %s", w.Code, w.Body)
	}
	if w := get(t, handler(t, server.Config{}), "/atot"); w.Code != http.StatusServiceUnavailable || problemCode(t, w) != stage.CodeNotSet {
		t.Errorf("without services: %d %s", w.Code, w.Body)
	}
}

func TestAnotherUsersResultIsNotGivenAway(t *testing.T) {
	t.Parallel()
	h, f, _ := seedServer(t)
	f.pull = func(string) (server.Heard, error) { return server.Heard{UserID: "7", Text: "a secret"}, nil }
	w := get(t, h, "/atot")
	if w.Code != http.StatusConflict || problemCode(t, w) != "other_user" || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestATTOTServiceThatTakesNoTextIsPulled(t *testing.T) {
	t.Parallel()
	store := &fakeStore{}
	f := &seedSteps{store: store}
	f.respond = func(stage.Prompt) iter.Seq2[string, error] {
		return failing[string](&stage.Error{Stage: stage.TTOT, Code: stage.CodeStatus, Message: "404"})
	}
	steps := f.steps()
	steps.PullTTOT = func(_ context.Context, user string) (string, error) { return "pulled for " + user, nil }
	h := handler(t, server.Config{Store: store, Steps: steps})
	get(t, h, "/atot")
	sameJSON(t, get(t, h, "/ttot").Body.String(), `{"user_id":10,"ttot_text":"pulled for 10"}`)
}

func TestTheModelIsToldOfEarlierTurns(t *testing.T) {
	t.Parallel()
	h, f, store := seedServer(t)
	store.append(turnOf("10", 1))
	var told stage.Prompt
	f.respond = func(p stage.Prompt) iter.Seq2[string, error] {
		told = p
		return words("ok")
	}
	get(t, h, "/atot")
	get(t, h, "/ttot")
	if len(told.History) != 1 || told.History[0].User != "heard 1" || told.Text != "변환된 텍스트" {
		t.Errorf("told %+v", told)
	}
}

func TestBadSpeech(t *testing.T) {
	t.Parallel()
	for name, chunks := range map[string][]stage.Chunk{
		"none":        nil,
		"two rates":   {{PCM: make([]byte, 2), Rate: 8000}, {PCM: make([]byte, 2), Rate: 16000}},
		"without end": {{PCM: make([]byte, 20<<20), Rate: 48000}, {PCM: make([]byte, 20<<20), Rate: 48000}},
	} {
		h, f, _ := seedServer(t)
		f.speak = func(stage.Speech) iter.Seq2[stage.Chunk, error] {
			return func(yield func(stage.Chunk, error) bool) {
				for _, c := range chunks {
					if !yield(c, nil) {
						return
					}
				}
			}
		}
		w := ask(t, h, http.MethodPost, "/run-full-pipeline", nil)
		if !strings.Contains(w.Body.String(), `"tts_error":"The tts engine gave`) {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}

func TestALongReplyIsSpokenInClauses(t *testing.T) {
	t.Parallel()
	h, f, _ := seedServer(t)
	f.respond = func(stage.Prompt) iter.Seq2[string, error] { return words(strings.Repeat("This is a sentence. ", 200)) }
	calls := 0
	f.speak = func(s stage.Speech) iter.Seq2[stage.Chunk, error] {
		if calls++; len(s.Text) > 500 {
			t.Errorf("%d bytes at once", len(s.Text))
		}
		return func(yield func(stage.Chunk, error) bool) { yield(stage.Chunk{PCM: make([]byte, 100), Rate: 8000}, nil) }
	}
	ask(t, h, http.MethodPost, "/run-full-pipeline", nil)
	if calls < 10 {
		t.Errorf("%d calls", calls)
	}
}

func TestRecordingsThatCantBeWritten(t *testing.T) {
	t.Parallel()
	store := &fakeStore{}
	f := &seedSteps{store: store}
	steps := f.steps()
	steps.Recordings = nil
	h := handler(t, server.Config{Store: store, Steps: steps})
	get(t, h, "/atot")
	get(t, h, "/ttot")
	w := ask(t, h, http.MethodPost, "/process-audio", nil)
	if !strings.Contains(w.Body.String(), `"output_wav":null`) || !strings.Contains(w.Body.String(), `"tts_success":true`) {
		t.Errorf("%s", w.Body)
	}
}
