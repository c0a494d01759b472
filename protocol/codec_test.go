package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// clientMessages has every client message with every field set.
func clientMessages() []protocol.ClientMessage {
	return []protocol.ClientMessage{
		protocol.Configure{
			User:         new("민지-7"),
			Input:        &protocol.Format{Encoding: protocol.EncodingOpus, Rate: 48_000},
			Output:       &protocol.Format{Encoding: protocol.EncodingPCM, Rate: 24_000},
			Language:     new("pt-BR"),
			Voice:        new("slt"),
			Instructions: new("Answer in one <short> sentence & no more.\nAlways."),
			Profile:      new("kiosk"),
			TurnDetection: &protocol.TurnDetection{
				Mode: protocol.Semantic, Threshold: 0.6, PrefixPaddingMS: 200, SilenceMS: 700, MinSpeechMS: 100, Eagerness: protocol.High,
			},
			PaceMS:     new(250),
			Playback:   new(true),
			Partials:   new(false),
			IdlePrompt: &protocol.IdlePrompt{AfterMS: 30_000, Text: "Are you still there?"},
			Tools: &[]protocol.Tool{
				{Name: "lights", Description: "Switch the lights", Parameters: json.RawMessage(`{"type":"object"}`)},
				{Name: "bell-2"},
			},
		},
		protocol.Commit{},
		protocol.Clear{},
		protocol.Text{Text: "what time is it?"},
		protocol.Cancel{Turn: 3},
		protocol.Playback{Turn: 2, MS: 1_240},
		protocol.Ping{ID: "p-1"},
		protocol.ToolResult{ID: "c-1", Output: "done", Error: "no"},
		protocol.Resume{Session: "s-1", Key: "k", Seen: 17, Forgotten: 40, Turn: 3, Live: "t-3"},
		protocol.Seen{Seen: 18},
	}
}

func sampleTurn() history.Turn {
	at := time.Date(2026, 3, 1, 9, 30, 0, 125e6, time.UTC)
	return history.Turn{
		ID: "0195…", UserID: "10", SessionID: "s", Number: 1, Status: history.Failed,
		StartedAt: at, EndedAt: at.Add(time.Second), Language: "en",
		InputWAV: new("/a.wav"), ATOTText: "hi", TTOTText: "hello", OutputWAV: new("/b.wav"),
		InputMS: 900, OutputMS: 400, Received: 12,
		Engines: history.Engines{ATOT: "a", TTOT: "b", TTS: "c"},
		Error:   &history.Failure{Stage: "tts", Code: "engine_timeout", Message: "late"},
		HeardMS: new(int64(300)),
		Timings: history.Timings{Decision: new(0.5), ATOTDone: new(1.5), HeardFirst: new(1.9), End: new(2.0)},
	}
}

// serverEvents has every event with every field set.
func serverEvents() []protocol.Event {
	pcm := protocol.Format{Encoding: protocol.EncodingPCM, Rate: 24_000}
	all := []protocol.Event{
		protocol.Ready{
			Session: "s", User: "10", Input: pcm, Output: pcm, Language: "ko", Voice: "v", Instructions: "i",
			Profile: "kiosk", TurnDetection: protocol.DefaultTurnDetection(), PaceMS: 400, Playback: true, Partials: true,
			IdlePrompt: protocol.IdlePrompt{AfterMS: 1000, Text: "?"}, Tools: []protocol.Tool{{Name: "lights"}},
			Engines:   history.Engines{ATOT: "a", TTOT: "b", TTS: "c"},
			Languages: protocol.Languages{ATOT: []string{"en"}, TTOT: []string{"en", "ko"}, TTS: []string{"ko"}},
			Voices:    []string{"slt", "rms"},
			Limits:    protocol.Limits{FrameBytes: 1, TextBytes: 2, UtteranceMS: 3},
			Resume:    protocol.Resumption{Key: "k", WaitMS: 120_000},
		},
		protocol.TurnStarted{ID: "t", Source: protocol.FromSpeech, InputMS: 900},
		protocol.AudioBegin{Format: pcm},
		protocol.AudioEnd{Bytes: 9_600, MS: 200},
		protocol.TurnDone{Record: sampleTurn()},
		protocol.TurnCancelled{Reason: protocol.CancelledByNewTurn, Record: sampleTurn()},
		protocol.TurnFailed{Stage: stage.TTS, Code: "engine_timeout", Message: "late", Record: sampleTurn()},
		protocol.SpeechStarted{AudioMS: 640},
		protocol.SpeechPartial{Text: "what time"},
		protocol.SpeechStopped{AudioMS: 2210, Discarded: protocol.DiscardNod},
		protocol.ReplyPaused{},
		protocol.ReplyResumed{},
		protocol.ReplyCorrected{Heard: "It is", HeardMS: 400, Written: "It is noon."},
		protocol.ToolCall{ID: "c-1", Name: "lights", Arguments: json.RawMessage(`{"on":true}`)},
		protocol.Cleared{InputMS: 40},
		protocol.Warning{Code: protocol.WarnRecording, Message: "m <&>"},
		protocol.Problem{Code: protocol.ErrBadJSON, Message: "m"},
		protocol.Apology{Text: "I am sorry.", Spoken: true},
		protocol.QuotaUpdated{Quotas: []protocol.Quota{{Name: "turns", Limit: 60, Remaining: 12, ResetMS: 21000}}},
		protocol.Pong{ID: "p-1"},
		protocol.Resumed{Session: "s", Received: 41, Lost: 2},
		protocol.Ack{Received: 41},
		protocol.GoingAway{DelayMS: 300, Reason: "The server restarts."},
	}
	for _, s := range []stage.Name{stage.ATOT, stage.TTOT, stage.TTS} {
		all = append(all,
			protocol.StageStarted{Stage: s, Engine: "e"},
			protocol.StagePartial{Stage: s, Text: "안녕", AudioMS: 120},
			protocol.StageDone{Stage: s, Text: "t", TookMS: 12.5, AudioMS: 130},
			protocol.StageFailed{Stage: s, Code: "c", Message: "m"})
	}
	return all
}

func TestEveryClientMessageComesBackAsItWas(t *testing.T) {
	t.Parallel()
	var seen []string
	for _, want := range clientMessages() {
		data, err := protocol.EncodeClient(want)
		if err != nil {
			t.Fatalf("EncodeClient(%T): %v", want, err)
		}
		got, err := protocol.DecodeClient(data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", data, got, err, want)
		}
		seen = append(seen, typeIn(t, data))
	}
	if want := protocol.ClientTypes(); !slices.Equal(seen, want) {
		t.Errorf("tried %v, the types are %v", seen, want)
	}
}

func TestEveryEventComesBackAsItWas(t *testing.T) {
	t.Parallel()
	var seen []string
	head := protocol.Head{Seq: math.MaxUint64, Turn: 7, MS: 123_456}
	for _, want := range serverEvents() {
		data, err := protocol.AppendEvent([]byte("kept"), head, want)
		if err != nil {
			t.Fatalf("AppendEvent(%T): %v", want, err)
		}
		data, ok := bytes.CutPrefix(data, []byte("kept"))
		if !ok || !json.Valid(data) {
			t.Fatalf("AppendEvent(%T) gave %q", want, data)
		}
		gotHead, got, err := protocol.DecodeEvent(data)
		if err != nil || gotHead != head || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v %#v, %v; want %#v", data, gotHead, got, err, want)
		}
		seen = append(seen, typeIn(t, data))
	}
	slices.Sort(seen)
	want := protocol.EventTypes()
	slices.Sort(want)
	if !slices.Equal(seen, want) {
		t.Errorf("tried %v, the types are %v", seen, want)
	}
}

func typeIn(t *testing.T, data []byte) string {
	t.Helper()
	var m struct{ Type string }
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m.Type
}

func TestAppendEventWritesTheHeadFirst(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		event protocol.Event
		want  string
	}{
		{protocol.Pong{}, `{"type":"pong","seq":4,"turn":0,"ms":12}`},
		{protocol.Warning{Code: "c", Message: "a<b"}, `{"type":"warning","seq":4,"turn":0,"ms":12,"code":"c","message":"a<b"}`},
		{protocol.AudioBegin{Format: protocol.Format{Encoding: "pcm_s16le", Rate: 16000}}, `{"type":"audio.begin","seq":4,"turn":0,"ms":12,"encoding":"pcm_s16le","rate":16000}`},
	} {
		got, err := protocol.AppendEvent(nil, protocol.Head{Seq: 4, MS: 12}, tc.event)
		if err != nil || string(got) != tc.want {
			t.Errorf("got %s, %v; want %s", got, err, tc.want)
		}
	}
}

type stranger struct{}

func (stranger) Type() string { return "stranger" }

func TestReadyWithoutToolsHasAList(t *testing.T) {
	t.Parallel()
	got, err := protocol.AppendEvent(nil, protocol.Head{}, protocol.Ready{})
	if err != nil || !strings.Contains(string(got), `"tools":[]`) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestAppendEventRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	for _, e := range []protocol.Event{
		nil,
		stranger{},
		&protocol.Pong{},
		protocol.StageStarted{},
		protocol.StageDone{Stage: "nlu"},
		protocol.StageDone{Stage: stage.TTS, TookMS: math.NaN()},
	} {
		if got, err := protocol.AppendEvent([]byte("x"), protocol.Head{}, e); err == nil || string(got) != "x" {
			t.Errorf("%T: got %q, %v", e, got, err)
		}
	}
	if _, err := protocol.EncodeClient(nil); err == nil {
		t.Error("EncodeClient(nil) gave no error")
	}
}

func TestDecodeClientDefaults(t *testing.T) {
	t.Parallel()
	got, err := protocol.DecodeClient([]byte(`{"type":"session.configure","user":null,"input":{"encoding":"opus"},"output":{"rate":8e3},"voice":"","later":{"x":[1]}}`))
	want := protocol.Configure{
		Input:  &protocol.Format{Encoding: protocol.EncodingOpus, Rate: 16_000},
		Output: &protocol.Format{Encoding: protocol.EncodingPCM, Rate: 8_000},
		Voice:  new(""),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, %v", got, err)
	}
}

func TestDecodeClientRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, code, says string }{
		"nothing":             {``, protocol.ErrBadJSON, "JSON"},
		"blank":               {" \n", protocol.ErrBadJSON, "JSON"},
		"half":                {`{"type":"ping"`, protocol.ErrBadJSON, "JSON"},
		"trailing":            {`{"type":"ping"}{}`, protocol.ErrBadJSON, "JSON"},
		"array":               {`[]`, protocol.ErrBadJSON, "object"},
		"string":              {`"ping"`, protocol.ErrBadJSON, "object"},
		"null":                {`null`, protocol.ErrBadJSON, "object"},
		"not UTF-8":           {"{\"type\":\"text\",\"text\":\"\xff\"}", protocol.ErrBadJSON, "UTF-8"},
		"65 deep":             {`{"type":"ping","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, protocol.ErrBadJSON, "64"},
		"10,000 deep":         {strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), protocol.ErrBadJSON, "64"},
		"10,000 open":         {strings.Repeat(`[`, 10_000), protocol.ErrBadJSON, "64"},
		"no type":             {`{}`, protocol.ErrBadMessage, `"type"`},
		"type null":           {`{"type":null}`, protocol.ErrBadMessage, `"type"`},
		"type number":         {`{"type":1}`, protocol.ErrBadMessage, `"type"`},
		"type in capitals":    {`{"TYPE":"ping"}`, protocol.ErrBadMessage, `"type"`},
		"unknown":             {`{"type":"fly"}`, protocol.ErrUnknownType, `"fly"`},
		"unknown, long":       {`{"type":"` + strings.Repeat("é", 500) + `"}`, protocol.ErrUnknownType, `…`},
		"twice":               {`{"type":"ping","id":"a","id":"b"}`, protocol.ErrBadMessage, `"id" stands twice`},
		"twice inside":        {`{"type":"session.configure","input":{"rate":8000,"rate":16000}}`, protocol.ErrBadMessage, `"input.rate" stands twice`},
		"user empty":          {`{"type":"session.configure","user":""}`, protocol.ErrBadMessage, `"user"`},
		"user long":           {`{"type":"session.configure","user":"` + strings.Repeat("u", 129) + `"}`, protocol.ErrBadMessage, `"user"`},
		"user with control":   {`{"type":"session.configure","user":"a\u0000b"}`, protocol.ErrBadMessage, `"user"`},
		"user number":         {`{"type":"session.configure","user":10}`, protocol.ErrBadMessage, `"user"`},
		"input no object":     {`{"type":"session.configure","input":[]}`, protocol.ErrBadMessage, `"input"`},
		"input encoding":      {`{"type":"session.configure","input":{"encoding":"mp3"}}`, protocol.ErrBadMessage, `"input.encoding"`},
		"output opus":         {`{"type":"session.configure","output":{"encoding":"opus"}}`, protocol.ErrBadMessage, `"output.encoding"`},
		"rate low":            {`{"type":"session.configure","input":{"rate":7999}}`, protocol.ErrBadMessage, `"input.rate"`},
		"rate high":           {`{"type":"session.configure","output":{"rate":48001}}`, protocol.ErrBadMessage, `"output.rate"`},
		"rate fraction":       {`{"type":"session.configure","input":{"rate":16000.5}}`, protocol.ErrBadMessage, `"input.rate"`},
		"rate string":         {`{"type":"session.configure","input":{"rate":"16000"}}`, protocol.ErrBadMessage, `"input.rate"`},
		"rate huge":           {`{"type":"session.configure","input":{"rate":1e999}}`, protocol.ErrBadMessage, `"input.rate"`},
		"language empty":      {`{"type":"session.configure","language":""}`, protocol.ErrBadMessage, `"language"`},
		"language words":      {`{"type":"session.configure","language":"en us"}`, protocol.ErrBadMessage, `"language"`},
		"language digit":      {`{"type":"session.configure","language":"1n"}`, protocol.ErrBadMessage, `"language"`},
		"language long":       {`{"type":"session.configure","language":"` + strings.Repeat("en-", 20) + `us"}`, protocol.ErrBadMessage, `"language"`},
		"voice control":       {`{"type":"session.configure","voice":"a\nb"}`, protocol.ErrBadMessage, `"voice"`},
		"instructions long":   {`{"type":"session.configure","instructions":"` + strings.Repeat("i", protocol.MaxInstructions+1) + `"}`, protocol.ErrBadMessage, `"instructions"`},
		"text missing":        {`{"type":"text"}`, protocol.ErrBadMessage, `"text"`},
		"text empty":          {`{"type":"text","text":""}`, protocol.ErrTextEmpty, ``},
		"text blank":          {`{"type":"text","text":" \t\n "}`, protocol.ErrTextEmpty, ``},
		"text long":           {`{"type":"text","text":"` + strings.Repeat("t", protocol.MaxText+1) + `"}`, protocol.ErrBadMessage, `"text"`},
		"text list":           {`{"type":"text","text":["a"]}`, protocol.ErrBadMessage, `"text"`},
		"cancel negative":     {`{"type":"turn.cancel","turn":-1}`, protocol.ErrBadMessage, `"turn"`},
		"cancel huge":         {`{"type":"turn.cancel","turn":99999999999999999999999}`, protocol.ErrBadMessage, `"turn"`},
		"playback no turn":    {`{"type":"playback","ms":1}`, protocol.ErrBadMessage, `"turn"`},
		"playback no ms":      {`{"type":"playback","turn":1}`, protocol.ErrBadMessage, `"ms"`},
		"playback before 0":   {`{"type":"playback","turn":1,"ms":-1}`, protocol.ErrBadMessage, `"ms"`},
		"ping id long":        {`{"type":"ping","id":"` + strings.Repeat("p", 65) + `"}`, protocol.ErrBadMessage, `"id"`},
		"ping id boolean":     {`{"type":"ping","id":true}`, protocol.ErrBadMessage, `"id"`},
		"ping id in an array": {`{"type":"ping","id":["p"]}`, protocol.ErrBadMessage, `"id"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := protocol.DecodeClient([]byte(tc.in))
			wrong, ok := errors.AsType[*protocol.DecodeError](err)
			if m != nil || !ok {
				t.Fatalf("got %#v, %v", m, err)
			}
			if wrong.Code != tc.code || !strings.Contains(wrong.Message, tc.says) {
				t.Errorf("got %v; want %s that says %s", err, tc.code, tc.says)
			}
			if len(wrong.Message) > 200 {
				t.Errorf("the message has %d bytes", len(wrong.Message))
			}
		})
	}
}

func TestDepthCountsNoBracketsInStrings(t *testing.T) {
	t.Parallel()
	in := `{"type":"text","text":"` + strings.Repeat(`[{\"`, 1000) + `"}`
	if _, err := protocol.DecodeClient([]byte(in)); err != nil {
		t.Error(err)
	}
	in = `{"type":"ping","x":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`
	if _, err := protocol.DecodeClient([]byte(in)); err != nil {
		t.Errorf("64 deep: %v", err)
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	t.Parallel()
	for in, code := range map[string]string{
		`{`:                         protocol.ErrBadJSON,
		`{"type":"pong","seq":-1}`:  protocol.ErrBadMessage,
		`{"type":"pong","id":1}`:    protocol.ErrBadMessage,
		`{"type":"tts.flown"}`:      protocol.ErrUnknownType,
		`{"type":"nlu.done"}`:       protocol.ErrUnknownType,
		strings.Repeat("[", 10_000): protocol.ErrBadJSON,
	} {
		_, e, err := protocol.DecodeEvent([]byte(in))
		if wrong, ok := errors.AsType[*protocol.DecodeError](err); !ok || wrong.Code != code || e != nil {
			t.Errorf("%.40s: got %v, %v; want %s", in, e, err, code)
		}
	}
	head, _, err := protocol.DecodeEvent([]byte(`{"type":"newer","seq":9,"turn":2,"ms":5}`))
	if want := (protocol.Head{Seq: 9, Turn: 2, MS: 5}); head != want || err == nil {
		t.Errorf("the head of an unknown event is %v, %v", head, err)
	}
}
