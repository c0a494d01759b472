package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// parse reads a command line with an environment and a configuration file.
func parse(t *testing.T, file string, env []string, args ...string) (*cli, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "sori.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	cmd := &cli{}
	k, err := newParser(cmd, &console{out: io.Discard, err: io.Discard, getenv: lookup(env)}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(args)
	return cmd, err
}

func TestSettingsPrecedence(t *testing.T) {
	t.Parallel()
	file := "addr: file:1\ndata: /file\nengine_timeout: 7s\natot: [http://a, \"local:\"]\nhistory-limit: 50\nlog-level: debug\n"
	env := []string{"SORI_ADDR=env:2", "SORI_DATA=/env", "SORI_LOG_FORMAT=json", "SORI_TTS="}
	cmd, err := parse(t, file, env, "serve", "--addr", "flag:3")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, got, want string }{
		{"the flag wins", cmd.Serve.Addr, "flag:3"},
		{"then the environment", cmd.Serve.Data, "/env"},
		{"then the file", cmd.Serve.ATOT, "http://a,local:"},
		{"then the default; an empty variable is none", cmd.Serve.TTS, "local:"},
		{"global from the file", cmd.LogLevel, "debug"},
		{"global from the environment", cmd.LogFormat, "json"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if cmd.Serve.EngineTimeout != 7*time.Second || cmd.Serve.HistoryLimit != 50 {
		t.Errorf("typed settings: %v, %d", cmd.Serve.EngineTimeout, cmd.Serve.HistoryLimit)
	}
}

func TestConfigFileFromTheEnvironment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("addr: file:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, err := parse(t, "", []string{"SORI_CONFIG=" + path}, "serve")
	if err != nil || cmd.Serve.Addr != "file:1" {
		t.Errorf("addr %q, %v", cmd.Serve.Addr, err)
	}
}

// The file's settings are for the commands that know them; talk has flags of
// the same name that are something else.
func TestConfigFileForOtherCommands(t *testing.T) {
	t.Parallel()
	cmd, err := parse(t, "user: \"7\"\naddr: x:1\n", nil, "talk", "--text", "hi")
	if err != nil || cmd.Talk.User != "" {
		t.Errorf("user %q, %v", cmd.Talk.User, err)
	}
}

func TestBadConfigFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, want string }{
		{"unknown key", "adr: x", `there is no setting "adr": is "addr" meant?`},
		{"far from any key", "colour: red", `there is no setting "colour"; there are addr, apology, atot,`},
		{"twice", "log-level: info\nlog_level: debug", `the setting "log-level" is there twice`},
		{"empty", "addr:", `the setting "addr" has no value`},
		{"nested", "addr:\n  host: x", `the setting "addr" has settings below it`},
		{"no mapping", "- addr", "this is no YAML of the form"},
		{"no YAML", "addr: [", "this is no YAML of the form"},
		{"wrong type", "engine-timeout: soon", "--engine-timeout"},
		{"wrong choice", "log-level: loud", "--log-level must be one of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sori.yaml")
			if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			sori(t, nil, "serve", "--config", path).expect(t, exitUsage, tt.want)
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		sori(t, nil, "serve", "--config", filepath.Join(t.TempDir(), "none.yaml")).expect(t, exitUsage, "there is no configuration file")
	})
}
