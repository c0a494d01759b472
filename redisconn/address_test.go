package redisconn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sori/redisconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, address string, o redisconn.Options) *redisconn.Conn {
	t.Helper()
	c, err := redisconn.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestOpenUnderstands(t *testing.T) {
	t.Parallel()
	const secrets = "&password_env=PASSWORD&sentinel_password_env=PASSWORD"
	for url, name := range map[string]string{
		"redis+sentinel://h?master_name=m" + secrets:               "redis+sentinel://h",
		"redis://127.0.0.1:6379/0":                                 "redis://127.0.0.1:6379/0",
		"redis://localhost":                                        "redis://localhost",
		"redis://localhost/0?replicas=2":                           "redis://localhost/0",
		"redis://:p%40ss@h/3":                                      "redis://h/3",
		"rediss://user:secret@h:6380/0?skip_verify=true":           "rediss://h:6380/0",
		"redis://[::1]:6379/1?pool_size=50":                        "redis://[::1]:6379/1",
		"unix:///run/redis.sock?db=2":                              "unix:///run/redis.sock",
		"redis+sentinel://u:p@a,b:26380,c/1?master_name=main":      "redis+sentinel://a,b:26380,c/1",
		"rediss+sentinel://a?master_name=main&username=x&addr=b:1": "rediss+sentinel://a",
		"redis+cluster://u:p@a:7000,b:7001,[::1]":                  "redis+cluster://a:7000,b:7001,[::1]",
		"rediss+cluster://a?pool_size=5":                           "rediss+cluster://a",
		"rediss+cluster://a?skip_verify=true&server_name=redis":    "rediss+cluster://a",
		"rediss://h?password_env=PASSWORD":                         "rediss://h",
	} {
		s := open(t, url, redisconn.Options{Getenv: environment})
		if s.String() != name {
			t.Errorf("%s is called %s, want %s", url, s, name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for url, hint := range map[string]string{
		"":                                         "redis://127.0.0.1:6379/0",
		"127.0.0.1:6379":                           "redis://127.0.0.1:6379/0",
		"http://h":                                 "unknown: use redis",
		"unix+cluster:///x":                        "unknown: use redis",
		"redis+what://h":                           "unknown: use redis",
		"redis://u:s3cret@h:port/0":                "port",
		"redis://u:s3cret@h/x":                     "database number",
		"redis://h/0?replicas=many":                "replicas is a number",
		"redis://h/0?replicas=11":                  "from 0 to 10",
		"redis://u:s3cret@h/0?speed=11":            "speed",
		"redis+sentinel://u:s3cret@h":              "master_name",
		"redis+cluster://u:s3cret@h:1,h:2?x=1":     "x",
		"unix://":                                  "socket",
		"redis://h?ca_file=/x":                     "write rediss://",
		"rediss://h?ca_file=/nowhere/ca.pem":       "no such file",
		"rediss://h?cert_file=a":                   "cert_file and key_file go together",
		"rediss://h?cert_file=a&key_file=b":        "no such file",
		"rediss://h?skip_verify=perhaps":           "true or false",
		"redis://h?password_file=/nowhere/pw":      "no such file",
		"redis://h?password_env=NOT_THERE":         "the environment has no NOT_THERE",
		"redis://h?password_env=A&password_file=b": "choose one",
		"redis://u:s3cret@h?%zz":                   "no list of name=value",
	} {
		s, err := redisconn.Open(url, redisconn.Options{Getenv: environment})
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was taken", url)
			continue
		}
		if !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q and no password", url, err, hint)
		}
	}
	pem := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(pem, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := redisconn.Open("rediss://h?ca_file="+pem, redisconn.Options{}); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("a file without certificates: %v", err)
	}
}

func environment(name string) string { return map[string]string{"PASSWORD": "s3cret"}[name] }

func TestKeys(t *testing.T) {
	t.Parallel()
	k, err := redisconn.NewKeys("")
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		k.Shared("users"):       "sori:users",
		k.User("10", "turns"):   "sori:{u:10}:turns",
		k.User("a{}b", "turns"): "sori:{u:a%7B%7Db}:turns",
		k.Session("", "0195-1"): "sori:{u:}:s:0195-1",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if _, err := redisconn.NewKeys("a{b}"); err == nil {
		t.Error("a prefix with braces was taken")
	}
}
