package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sori/protocol"
	"sori/session"
)

func writeYAML(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProfilesAreCheckedAsMessagesAre(t *testing.T) {
	t.Parallel()
	c := &conduct{Profiles: writeYAML(t, `
kiosk:
  language: ko
  turn_detection: {mode: semantic, eagerness: low}
  idle_prompt: {after_ms: 20000, text: "Are you still there?"}
plain: {voice: rms}
`)}
	got, err := c.readProfiles()
	if err != nil {
		t.Fatal(err)
	}
	k := got["kiosk"]
	if *k.Language != "ko" || k.TurnDetection.Mode != protocol.Semantic || k.IdlePrompt.AfterMS != 20000 || *got["plain"].Voice != "rms" {
		t.Errorf("profiles %+v", got)
	}
	for text, says := range map[string]string{
		"kiosk: {turn_detection: {mode: never}}": "turn_detection.mode",
		"kiosk: {pace_ms: -1}":                   "pace_ms",
		"- a\n- b":                               "map of names",
	} {
		c.Profiles = writeYAML(t, text)
		if _, err := c.readProfiles(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func TestToolsAreWebhooks(t *testing.T) {
	t.Parallel()
	getenv := func(string) string { return "" }
	c := &conduct{Tools: writeYAML(t, `
- name: weather
  description: The weather of a city
  parameters: {type: object, properties: {city: {type: string}}}
  url: https://weather.example.com/now
  timeout: 3s
`)}
	var o session.Options
	var d session.Deps
	end, err := c.equip(getenv, &o, &d)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if tools := d.Tools.List(); len(tools) != 1 || tools[0].Name != "weather" {
		t.Errorf("tools %+v", tools)
	}
	for text, says := range map[string]string{
		"- {name: x, url: 'http://127.0.0.1/'}":       "127.0.0.1",
		"- {name: x, url: 'http://169.254.169.254/'}": "169.254.169.254",
		"- {name: x, shout: yes}":                     "shout",
		"name: x":                                     "list of tools",
	} {
		c.Tools = writeYAML(t, text)
		if _, err := c.readTools(getenv); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	var none conduct
	d = session.Deps{}
	if _, err := none.equip(getenv, &o, &d); err != nil || d.Tools != nil {
		t.Errorf("nothing is configured, and still: %v, %v", d.Tools, err)
	}
}
