package redisstore_test

import (
	"strings"
	"testing"

	"sori/history/redisstore"
)

func TestOpenUnderstands(t *testing.T) {
	t.Parallel()
	for url, name := range map[string]string{
		"redis://127.0.0.1:6379/0":                                 "redis://127.0.0.1:6379/0",
		"redis://localhost":                                        "redis://localhost",
		"redis://:p%40ss@h/3":                                      "redis://h/3",
		"rediss://user:secret@h:6380/0?skip_verify=true":           "rediss://h:6380/0",
		"redis://[::1]:6379/1?pool_size=50":                        "redis://[::1]:6379/1",
		"unix:///run/redis.sock?db=2":                              "unix:///run/redis.sock",
		"redis+sentinel://u:p@a,b:26380,c/1?master_name=main":      "redis+sentinel://a,b:26380,c/1",
		"rediss+sentinel://a?master_name=main&username=x&addr=b:1": "rediss+sentinel://a",
		"redis+cluster://u:p@a:7000,b:7001,[::1]":                  "redis+cluster://a:7000,b:7001,[::1]",
		"rediss+cluster://a?pool_size=5":                           "rediss+cluster://a",
	} {
		s := open(t, url, redisstore.Options{})
		if s.String() != name {
			t.Errorf("%s is called %s, want %s", url, s, name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for url, hint := range map[string]string{
		"":                                     "redis://127.0.0.1:6379/0",
		"127.0.0.1:6379":                       "redis://127.0.0.1:6379/0",
		"http://h":                             "unknown: use redis",
		"unix+cluster:///x":                    "unknown: use redis",
		"redis+what://h":                       "unknown: use redis",
		"redis://u:s3cret@h:port/0":            "port",
		"redis://u:s3cret@h/x":                 "database number",
		"redis://u:s3cret@h/0?speed=11":        "speed",
		"redis+sentinel://u:s3cret@h":          "master_name",
		"redis+cluster://u:s3cret@h:1,h:2?x=1": "x",
		"unix://":                              "socket",
	} {
		s, err := redisstore.Open(url, redisstore.Options{})
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was taken", url)
			continue
		}
		if !strings.Contains(err.Error(), hint) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q and no password", url, err, hint)
		}
	}
	if _, err := redisstore.Open("redis://h", redisstore.Options{Prefix: "a{b}"}); err == nil {
		t.Error("a prefix with braces was taken")
	}
}
