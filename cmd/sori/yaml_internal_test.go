package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sori/clients/webhook"
)

// bomb is YAML of little text whose last alias stands for width^levels words.
func bomb(levels, width int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x]\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), width), ", "))
	}
	return b.String()
}

// hostileYAML are files that nobody wrote by hand, and what is said of each.
func hostileYAML() map[string]struct{ text, says string } {
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "k%d: v\n", i)
		}
		return b.String()
	}
	return map[string]struct{ text, says string }{
		"a bomb of aliases":          {bomb(9, 9), "aliases stand for too much"},
		"a bomb in a list":           {"- &a [x, x]\n" + strings.Repeat("- &a [*a, *a]\n", 40), "aliases stand for too much"},
		"100,000 brackets":           {"a: " + strings.Repeat("[", 100_000), "too tangled"},
		"brackets in 5,000 lines":    {"a:\n" + strings.Repeat(" [\n", 5_000), "too tangled"},
		"100,000 dashes":             {strings.Repeat("- ", 100_000), "too tangled"},
		"100,000 question marks":     {strings.Repeat("? ", 100_000), "too tangled"},
		"100,000 colons":             {strings.Repeat("a: ", 100_000), "too tangled"},
		"100,000 names":              {lines(100_000), ""},
		"10,000 names":               {lines(10_000), ""},
		"more than a megabyte":       {"a: " + strings.Repeat("x", 1<<20), "more than 1048576 bytes"},
		"zeros":                      {string(make([]byte, 100_000)), "no text"},
		"a program":                  {"\x7fELF\x02\x01\x01", "no text"},
		"an alias of nothing":        {"a: *b", "alias"},
		"several documents":          {"a: 1\n---\nb: 2\n", "several documents"},
		"a text that does not end":   {"a: \"" + strings.Repeat("x", 10_000), ""},
		"a tag of another language":  {"a: !!python/object/apply:os.system [\"true\"]", ""},
		"tabs":                       {"a:\n\t- b\n", ""},
		"a list where a map belongs": {"- a\n- b\n", ""},
		"a word":                     {"hello", ""},
	}
}

// The operator's files are refused in a sentence, whatever is in them: in the time
// of a start, and with no more memory than that takes.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for name, c := range hostileYAML() {
		path := filepath.Join(t.TempDir(), "file.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"serve", "--config", path},
			{"serve", "--profiles", path},
			{"serve", "--tools", path},
			{"talk", "--converse", path},
		} {
			t.Run(name+" of "+args[1], func(t *testing.T) {
				t.Parallel()
				if args[0] == "serve" {
					args = append(args, "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--models", t.TempDir())
				}
				began := time.Now()
				r := sori(t, nil, args...)
				r.expect(t, exitUsage, c.says)
				if took := time.Since(began); took > 10*time.Second { // it takes a second on a machine of its own
					t.Errorf("it took %v", took)
				}
				if len(r.err) > 4000 {
					t.Errorf("that is more than a sentence: %d bytes", len(r.err))
				}
			})
		}
	}
}

// A file that does not end is not read to its end.
func TestAFileWithoutEnd(t *testing.T) {
	t.Parallel()
	const endless = "/dev/zero"
	if _, err := os.Stat(endless); err != nil {
		t.Skip("this system has no " + endless)
	}
	for _, args := range [][]string{
		{"serve", "--config", endless},
		{"serve", "--profiles", endless},
		{"serve", "--tools", endless},
		{"talk", "--converse", endless},
	} {
		sori(t, nil, args...).expect(t, exitUsage, "more than 1048576 bytes")
	}
	if _, err := readSecret(endless); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("a secret: %v", err)
	}
}

func TestWrongProfiles(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"kiosk:":                             "it holds nothing",
		"kiosk: {pace_ms: .nan}":             "NaN",
		"kiosk: {language: [ko]}":            "language",
		"kiosk: {type: ping}\nkiosk: {}":     "already defined",
		"kiosk: {instructions: {a: b}}":      "instructions",
		"kiosk: &a {language: ko, x: *a}":    "x",
		"? [a, b]\n: {language: ko}":         "map of names",
		"1: {language: 7}":                   "language",
		"kiosk: {<<: {language: ko}, x: {}}": "x",
	} {
		_, err := parseProfiles([]byte(text))
		if err == nil {
			continue // it is read, as something
		}
		if !strings.Contains(err.Error(), says) && says != "x" {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	// What people share between profiles works.
	got, err := parseProfiles([]byte("base: &base {language: ko}\nkiosk:\n  <<: *base\n  voice: rms\nsame: *base\n"))
	if err != nil || *got["kiosk"].Language != "ko" || *got["kiosk"].Voice != "rms" || *got["same"].Language != "ko" {
		t.Errorf("%+v, %v", got, err)
	}
}

// seeds are files that are right, and the hostile ones that are short.
func seeds(f *testing.F, right ...string) {
	f.Helper()
	for _, text := range right {
		f.Add([]byte(text))
	}
	for _, c := range hostileYAML() {
		if len(c.text) < 1000 {
			f.Add([]byte(c.text))
		}
	}
}

// sentence looks at an error of a file: it is a sentence.
func sentence(t *testing.T, text []byte, err error) {
	t.Helper()
	if s := err.Error(); len(s) > 2000 || strings.Contains(s, "runtime error") {
		t.Errorf("%q: %s", text, s)
	}
}

func FuzzSettings(f *testing.F) {
	seeds(f, "addr: 0.0.0.0:5000\norigins: [https://a.example, \"http://b:*\"]\n", "log_level: debug\nlog-level: info", "addr: {a: b}")
	known := map[string]bool{"addr": true, "origins": true, "log-level": true}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseFile(text, known)
		if err != nil {
			sentence(t, text, err)
		}
		for name := range file {
			if !known[name] {
				t.Errorf("%q has the setting %q", text, name)
			}
		}
	})
}

func FuzzProfiles(f *testing.F) {
	seeds(f, "kiosk: {language: ko, idle_prompt: {after_ms: 20000, text: hello}}\nplain:\n  voice: rms\n", "a: &a {language: en}\nb: {<<: *a}\n", "kiosk:")
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := parseProfiles(text); err != nil {
			sentence(t, text, err)
		}
	})
}

func FuzzTools(f *testing.F) {
	seeds(f, "- name: weather\n  description: The weather\n  parameters: {type: object, properties: {city: {type: string}}}\n  url: https://weather.example.com/now\n  timeout: 3s\n",
		"- {name: x, url: 'http://127.0.0.1/', headers: {A: $B}, secret: $C}")
	f.Fuzz(func(t *testing.T, text []byte) {
		tools, err := parseTools(text, webhook.Options{})
		if err != nil {
			sentence(t, text, err)
			return
		}
		tools.Close()
	})
}

func FuzzScript(f *testing.F) {
	seeds(f, "mode: semantic\nsilence_ms: 300\nsteps:\n  - text: hello\n  - wait: turn.done\n    where: {record.status: done}\n    timeout: 3s\n  - pause: 1s\n", "steps: [{commit: yes}, {cancel: true}]")
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseScript(text)
		if err != nil {
			sentence(t, text, err)
			return
		}
		if _, err := s.configure(); err != nil {
			sentence(t, text, err)
		}
	})
}
