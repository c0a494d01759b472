package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"sori/quota"
	"sori/realtime"
	"sori/server"
)

// A client of the Realtime API hears after each response what it has left, as it
// is counted for all that its user does.
func TestRealtimeRateLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		book := quota.New(quota.Options{User: quota.Limits{Turns: 3}})
		r := start(t, genuine(server.Config{Quota: book}))
		c := r.realtime(t, "", nil)
		c.until("session.created")
		for _, want := range []int{2, 1, 0} {
			c.text(`{"type":"response.create"}`)
			var told struct {
				Limits []struct {
					Name             string
					Limit, Remaining int
					Reset            float64 `json:"reset_seconds"`
				} `json:"rate_limits"`
			}
			if err := json.Unmarshal(c.raw("rate_limits.updated"), &told); err != nil {
				t.Fatal(err)
			}
			if len(told.Limits) != 1 || told.Limits[0].Name != "requests" || told.Limits[0].Limit != 3 || told.Limits[0].Remaining != want ||
				told.Limits[0].Reset <= 0 || told.Limits[0].Reset > 60 {
				t.Errorf("told %+v, want %d left", told, want)
			}
		}
		c.text(`{"type":"response.create","event_id":"mine"}`)
		if e := c.until("error").Error; e.Code != realtime.CodeRateLimit || e.Type != realtime.RateLimited || e.EventID != "mine" {
			t.Errorf("one more: %+v", e)
		}
	})
}

// raw reads to the next event of a type, as it came.
func (c *rtClient) raw(kind string) []byte {
	c.t.Helper()
	for {
		_, data, err := c.ws.Read(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		if strings.Contains(string(data), `"type":"`+kind+`"`) {
			return data
		}
	}
}

// Every way in is closed while the engines are behind.
func TestEveryWayInIsAdmitted(t *testing.T) {
	t.Parallel()
	var load atomic.Pointer[server.Load]
	h := loaded(t, server.Admission{MaxWaiting: 1}, &load)
	load.Store(&server.Load{Engines: 1, Waiting: 1})
	for path, method := range map[string]string{
		"/ws": http.MethodGet, "/v1/realtime": http.MethodGet, "/atot": http.MethodGet, "/ttot": http.MethodGet,
		"/process-audio": http.MethodPost, "/run-full-pipeline": http.MethodPost,
		"/v1/audio/transcriptions": http.MethodPost, "/v1/audio/speech": http.MethodPost, "/v1/chat/completions": http.MethodPost,
	} {
		w := ask(t, h, method, path, nil)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "engines_busy") || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
