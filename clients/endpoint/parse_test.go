package endpoint_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sori/clients/endpoint"
	"sori/stage"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestURLsSayWhereAndHow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		stage               stage.Name
		spec                string
		dialect             endpoint.Dialect
		name, address, call string
	}{
		{stage.ATOT, "http://127.0.0.1:8000", endpoint.Seed, "127.0.0.1:8000", "127.0.0.1:8000", "http://127.0.0.1:8000/run-model"},
		{stage.TTOT, "http://127.0.0.1:8002/", endpoint.Seed, "127.0.0.1:8002", "127.0.0.1:8002", "http://127.0.0.1:8002/generate"},
		{stage.TTS, "https://voice.example", endpoint.Seed, "voice.example:443", "voice.example:443", "https://voice.example/tts"},
		{stage.TTS, "http://[::1]:8004/say/it/", endpoint.Seed, "[::1]:8004", "[::1]:8004", "http://[::1]:8004/say/it"},
		{stage.ATOT, "openai+http://h:1?model=m", endpoint.OpenAI, "m", "h:1", "http://h:1/v1/audio/transcriptions"},
		{stage.ATOT, "openai+http://h/inference?name=whisper.cpp&model=m", endpoint.OpenAI, "whisper.cpp", "h:80", "http://h/inference"},
		{stage.TTOT, "openai+https://h/api/v3/", endpoint.OpenAI, "h:443", "h:443", "https://h/api/v3/chat/completions"},
		{stage.TTOT, "openai+https://h/v1/chat/completions", endpoint.OpenAI, "h:443", "h:443", "https://h/v1/chat/completions"},
		{stage.TTS, " openai+http://h:8880 ", endpoint.OpenAI, "h:8880", "h:8880", "http://h:8880/v1/audio/speech"},
	} {
		list, err := endpoint.Parse(tc.stage, tc.spec, nil)
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %v", tc.spec, err)
			continue
		}
		e := list[0]
		if e.Dialect != tc.dialect || e.Name() != tc.name || e.Address() != tc.address || e.Call() != tc.call || e.Stage != tc.stage {
			t.Errorf("%s: %s %s %s %s", tc.spec, e.Dialect, e.Name(), e.Address(), e.Call())
		}
	}
}

func TestListOfModels(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"openai+http://h:1":                         "http://h:1/v1/models",
		"openai+http://h:1/api":                     "http://h:1/api/models",
		"openai+http://h:1/v2/audio/transcriptions": "http://h:1/v2/models",
		"openai+http://h:1/inference":               "http://h:1/v1/models",
	} {
		list, err := endpoint.Parse(stage.ATOT, spec, nil)
		if err != nil || list[0].Models() != want {
			t.Errorf("%s: %v, want %s", spec, list, want)
		}
	}
}

func TestSeveralURLs(t *testing.T) {
	t.Parallel()
	list, err := endpoint.Parse(stage.TTS, "http://a:1, openai+http://b:2?voice=x+y ,http://c:3", nil)
	if err != nil || len(list) != 3 || list[1].Address() != "b:2" || list[1].Params.Get("voice") != "x+y" {
		t.Errorf("%v, %v", list, err)
	}
}

func TestURLsThatAreRefusedInWords(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, tc := range []struct{ spec, says string }{
		{"", "empty"},
		{"http://a:1,,http://b:2", "URL 2 of 3"},
		{"127.0.0.1:8000", "no URL"},
		{"localhost:8000", "must begin with"},
		{"ftp://h", "must begin with"},
		{"openai+ftp://h", "must begin with"},
		{"local:", "must begin with"},
		{"http://", "no host"},
		{"http://:8000", "no host"},
		{"http://h:99999", "port"},
		{"http://h:0", "port"},
		{"http://h:" + secret, "no URL"},
		{"http://user:" + secret + "@h:8000", "user or a password"},
		{"http://" + secret + "@h:8000", "user or a password"},
		{"http://user:" + secret + "%zz@h:8000", "no URL"},
		{"http://h/#" + secret, "#"},
		{"http://h?key=" + secret, "does not know"},
		{"http://h?" + secret + "=1", "does not know"},
		{"http://h?model=%zz" + secret, "can't be read"},
		{"http://h?model=a&model=b", "more than once"},
		{"http://h?rate=fast", "rate"},
		{"http://h?rate=1000000", "rate"},
		{"http://h?format=mp3", "format"},
		{"http://h?stream=yes", "stream"},
		{"http://h?key_env=NOT_SET", "NOT_SET"},
		{"http://h?key_env=BROKEN", "BROKEN"},
	} {
		_, err := endpoint.Parse(stage.TTS, tc.spec, env("BROKEN", secret+"\nX"))
		if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "--tts") {
			t.Errorf("%s: %v, want a word about %q", tc.spec, err, tc.says)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells a secret: %v", tc.spec, err)
		}
	}
	for _, spec := range []string{"openai+http://h?temperature=3", "openai+http://h?temperature=NaN", "openai+http://h?max_tokens=0", "openai+http://h?voice=x"} {
		if _, err := endpoint.Parse(stage.TTOT, spec, nil); err == nil {
			t.Errorf("%s is accepted", spec)
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	list, err := endpoint.Parse(stage.TTOT, "openai+https://h?key_env=K", env("K", "hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	caller := endpoint.NewCaller(list[0], endpoint.Options{})
	defer caller.Close()
	for _, v := range []any{list, list[0], &list[0], caller} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(format, v); strings.Contains(s, "hunter2") {
				t.Errorf("%s prints the key: %s", format, s)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"http://h:1/p?model=m", "openai+https://u:p@h", "a,b", "http://[::1]", "openai+http://h?voice=a+b&rate=8000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		list, err := endpoint.Parse(stage.TTS, spec, nil)
		if err == nil && len(list) == 0 {
			t.Error("neither engines nor an error")
		}
		for _, e := range list {
			if e.Name() == "" || !strings.Contains(e.Address(), ":") || !strings.HasPrefix(e.Call(), "http") {
				t.Errorf("%q became %q at %q, %q", spec, e.Name(), e.Address(), e.Call())
			}
		}
	})
}

// FuzzReason reads what engines say of their errors: a short line that can be shown,
// or nothing.
func FuzzReason(f *testing.F) {
	for _, s := range []string{
		`{"error":{"message":"no such model","code":"x"}}`, `{"error":"busy"}`, `{"detail":[{"loc":["body"],"msg":"field required"}]}`, `{"message":7}`,
		"<html>", "plain words", "", "[[[", "\x1b[31mred", strings.Repeat("x", 10_000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := endpoint.Reason(body)
		if len(s) > 1000 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			t.Errorf("%q became %q", body, s)
		}
	})
}
