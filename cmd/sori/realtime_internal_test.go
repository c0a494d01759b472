package main

import (
	"strings"
	"testing"

	"sori/protocol"
)

func TestRealtimeNames(t *testing.T) {
	t.Parallel()
	m, err := (&realtimeNames{
		RealtimeModel: []string{"a=kiosk", "b=openai+http://127.0.0.1:1/v1?model=x", "b=kiosk"}, RealtimeVoice: []string{"marin=awb"},
	}).read()
	if err != nil || m.profiles["a"] != "kiosk" || m.profiles["b"] != "kiosk" || m.engines["b"] != "openai+http://127.0.0.1:1/v1?model=x" ||
		len(m.profiles)+len(m.engines) != 3 || m.voices["marin"] != "awb" {
		t.Errorf("%+v, %v", m, err)
	}
	if err := checkProfiles(m.profiles, map[string]protocol.Configure{"kiosk": {}}); err != nil {
		t.Error(err)
	}
	if err := checkProfiles(m.profiles, nil); err == nil || !strings.Contains(err.Error(), `no profile "kiosk"`) {
		t.Errorf("%v", err)
	}
	for _, r := range []realtimeNames{
		{RealtimeModel: []string{"a"}},
		{RealtimeModel: []string{"=kiosk"}},
		{RealtimeModel: []string{"a="}},
		{RealtimeModel: []string{"a=kiosk", "a=other"}},
		{RealtimeModel: []string{"a=local:x.gguf"}},
		{RealtimeVoice: []string{"marin"}},
		{RealtimeVoice: []string{"marin="}},
	} {
		if r.check() == nil {
			t.Errorf("%+v was taken", r)
		}
	}
}
