package webhook_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sori/clients/webhook"
)

func TestConfigurationIsRead(t *testing.T) {
	t.Parallel()
	var list []webhook.Tool
	if err := json.Unmarshal([]byte(`[{
		"name": "weather", "description": "Tells the weather.", "url": "https://tools.example/weather",
		"parameters": {"type": "object", "properties": {"days": {"type": "integer", "minimum": 1}}},
		"headers": {"Authorization": "env:TOKEN"}, "secret": "env:KEY", "timeout": "2s"
	}, {"name": "time", "url": "https://tools.example/time"}]`), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || time.Duration(list[0].Timeout) != 2*time.Second {
		t.Fatalf("read %d tools", len(list))
	}
	ts, err := webhook.New(list, webhook.Options{Getenv: env})
	if err != nil {
		t.Fatal(err)
	}
	defer ts.Close()
	all := ts.List()
	if string(all[0].Parameters) != `{"properties":{"days":{"minimum":1,"type":"integer"}},"type":"object"}` || all[1].Parameters != nil {
		t.Errorf("tools %+v", all)
	}
	var again []webhook.Tool
	written, err := json.Marshal(list)
	if err != nil || json.Unmarshal(written, &again) != nil || again[0].Timeout != list[0].Timeout {
		t.Errorf("written as %s, %v", written, err)
	}
	for _, wrong := range []string{`"10"`, `10`, `"soon"`} {
		if json.Unmarshal([]byte(`{"timeout":`+wrong+`}`), &again[0]) == nil {
			t.Errorf("the timeout %s is accepted", wrong)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*webhook.Tool)
		says   string
	}{
		{"no name", func(t *webhook.Tool) { t.Name = "" }, "tool 1 of 1"},
		{"a space in the name", func(t *webhook.Tool) { t.Name = "the lights" }, "name"},
		{"a long name", func(t *webhook.Tool) { t.Name = strings.Repeat("x", 65) }, "64"},
		{"a long description", func(t *webhook.Tool) { t.Description = strings.Repeat("x", 2049) }, "2048"},
		{"no schema of an object", func(t *webhook.Tool) { t.Parameters = map[string]any{"on": "boolean"} }, `"type": "object"`},
		{"a long schema", func(t *webhook.Tool) { t.Parameters["x"] = strings.Repeat("x", 8192) }, "8192"},
		{"no JSON", func(t *webhook.Tool) { t.Parameters["x"] = func() {} }, "no JSON"},
		{"no url", func(t *webhook.Tool) { t.URL = "" }, "https://"},
		{"no host", func(t *webhook.Tool) { t.URL = "https:///" + secret }, "https://"},
		{"another scheme", func(t *webhook.Tool) { t.URL = "file:///etc/passwd" }, "https://"},
		{"no URL at all", func(t *webhook.Tool) { t.URL = "http://h:" + secret }, "can't be read"},
		{"a password", func(t *webhook.Tool) { t.URL = "http://u:" + secret + "@h" }, "password"},
		{"a fragment", func(t *webhook.Tool) { t.URL = "http://h/#" + secret }, "#"},
		{"a port", func(t *webhook.Tool) { t.URL = "http://h:99999" }, "port"},
		{"a header that is not set", func(t *webhook.Tool) { t.Headers = map[string]string{"X": "env:NOT_SET"} }, "NOT_SET"},
		{"a header with a line break", func(t *webhook.Tool) { t.Headers = map[string]string{"X": secret + "\r\nY: z"} }, "control character"},
		{"a header of the environment with one", func(t *webhook.Tool) { t.Headers = map[string]string{"X": "env:BROKEN"} }, "control character"},
		{"a header's name", func(t *webhook.Tool) { t.Headers = map[string]string{"X Y": secret} }, "name"},
		{"a header of sori's", func(t *webhook.Tool) { t.Headers = map[string]string{"content-length": "5"} }, "set by sori"},
		{"the signature", func(t *webhook.Tool) { t.Headers = map[string]string{"sori-signature": "5"} }, "set by sori"},
		{"a header twice", func(t *webhook.Tool) { t.Headers = map[string]string{"x-a": "5", "X-A": "6"} }, "twice"},
		{"a secret that is not set", func(t *webhook.Tool) { t.Secret = "env:NOT_SET" }, "NOT_SET"},
		{"a negative timeout", func(t *webhook.Tool) { t.Timeout = -1 }, "timeout"},
		{"a long timeout", func(t *webhook.Tool) { t.Timeout = webhook.Duration(time.Hour) }, "5m"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tool := lights()
			tc.change(&tool)
			_, err := webhook.New([]webhook.Tool{tool}, webhook.Options{Getenv: env})
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %q in it", err, tc.says)
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
	if _, err := webhook.New([]webhook.Tool{lights(), lights()}, webhook.Options{}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("the same tool twice: %v", err)
	}
	if _, err := webhook.New(make([]webhook.Tool, 65), webhook.Options{}); err == nil || !strings.Contains(err.Error(), "64") {
		t.Errorf("too many: %v", err)
	}
	for _, a := range []string{"127.0.0.1", ":80", "h:http", "h:0", "http://h:80"} {
		if _, err := webhook.New(nil, webhook.Options{Allow: []string{a}}); err == nil {
			t.Errorf("%s is allowed", a)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	tool := lights()
	tool.Headers = map[string]string{"Authorization": secret, "X": "env:TOKEN"}
	tool.Secret = secret
	ts, err := webhook.New([]webhook.Tool{tool}, webhook.Options{Getenv: env})
	if err != nil {
		t.Fatal(err)
	}
	defer ts.Close()
	for _, v := range []any{tool, &tool, []webhook.Tool{tool}, ts, *ts} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if s := fmt.Sprintf(format, v); strings.Contains(s, secret) {
				t.Errorf("%s of %T prints %s", format, v, s)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("tools", "tool", tool, "all", ts)
	if strings.Contains(log.String(), secret) {
		t.Errorf("logged %s", log.String())
	}
}
