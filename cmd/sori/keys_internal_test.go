package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// asking asks a server with a key and gives the status and the body.
func asking(t *testing.T, method, url, key string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func remoteEnv(t *testing.T, data string) []string {
	t.Helper()
	url := fakeEngines(t)
	return []string{"SORI_ATOT=" + url, "SORI_TTOT=" + url, "SORI_TTS=" + url, "SORI_DATA=" + data, "SORI_MODELS=" + t.TempDir()}
}

// makeKey makes a key with `sori keys make` and gives it.
func makeKey(t *testing.T, data string, args ...string) string {
	t.Helper()
	r := sori(t, nil, append([]string{"keys", "make", "--data", data}, args...)...)
	r.expect(t, exitDone, "It is shown only now")
	return strings.TrimSpace(r.out)
}

func TestAServerWithoutKeysStaysOnItsMachine(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	env := remoteEnv(t, data)
	sori(t, env, "serve", "--addr", "0.0.0.0:0").expect(t, exitFailed, "can be reached from other machines", "sori keys make", "--insecure-no-auth")

	r := startServe(t, env, "--addr", "0.0.0.0:0", "--insecure-no-auth")
	if !strings.Contains(r.out.String(), "everybody who reaches the address is an admin") {
		t.Error("it does not say that it is open")
	}
	_, port, _ := strings.Cut(r.addr, "]:")
	if code, _ := asking(t, http.MethodGet, "http://127.0.0.1:"+port+"/users", ""); code != http.StatusOK {
		t.Errorf("open to everybody, and answers %d", code)
	}
}

func TestKeysFromMakingToRevoking(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	kim, operator := makeKey(t, data, "phone of Kim", "--user", "kim"), makeKey(t, data, "operator", "--any-user", "--admin", "--expires", "1h")
	list := sori(t, nil, "keys", "list", "--data", data)
	list.expect(t, exitDone, kim[:17], "phone of Kim", "admin", "never", "good")
	if strings.Contains(list.out, kim[18:]) {
		t.Error("the list shows a secret")
	}

	r := startServe(t, remoteEnv(t, data), "--addr", "0.0.0.0:0")
	_, port, _ := strings.Cut(r.addr, "]:")
	at := "127.0.0.1:" + port
	sori(t, nil, "talk", "--text", "good morning", "--url", "ws://"+at+"/ws", "--fast").expect(t, exitFailed, "401", "key_missing")
	sori(t, []string{"SORI_KEY=" + kim}, "talk", "--text", "good morning", "--url", "ws://"+at+"/ws", "--fast").expect(t, exitDone, "Good day to you.")
	sori(t, []string{"SORI_KEY=" + operator}, "users", "list", "--url", "http://"+at).expect(t, exitDone, "kim")
	sori(t, nil, "users", "list", "--url", "http://"+at).expect(t, exitFailed, "refused")
	sori(t, nil, "doctor", "--quick", "--url", "http://"+at).expect(t, exitDone, "ready")
	if code, body := asking(t, http.MethodGet, "http://"+at+"/users/kim", kim); code != http.StatusOK || !strings.Contains(body, "good morning") {
		t.Errorf("kim's own history: %d %s", code, body)
	}
	if code, body := asking(t, http.MethodGet, "http://"+at+"/users/10", kim); code != http.StatusForbidden {
		t.Errorf("another one's: %d %s", code, body)
	}

	code, body := asking(t, http.MethodPost, "http://"+at+"/tokens", kim)
	var made struct{ Token, User string }
	if err := json.Unmarshal([]byte(body), &made); err != nil || code != http.StatusCreated || made.User != "kim" {
		t.Fatalf("a token: %d %s", code, body)
	}
	if code, body := asking(t, http.MethodGet, "http://"+at+"/whoami", made.Token); code != http.StatusOK || !strings.Contains(body, `"token"`) {
		t.Errorf("with the token: %d %s", code, body)
	}

	sori(t, nil, "keys", "revoke", "--data", data, kim[:17]).expect(t, exitDone, "phone of Kim")
	for _, credential := range []string{kim, made.Token} {
		code, body := 0, ""
		for began := time.Now(); time.Since(began) < 5*time.Second && code != http.StatusUnauthorized; time.Sleep(50 * time.Millisecond) {
			code, body = asking(t, http.MethodGet, "http://"+at+"/whoami", credential)
		}
		if code != http.StatusUnauthorized || !strings.Contains(body, "key_revoked") {
			t.Errorf("five seconds after it was revoked: %d %s", code, body)
		}
	}
	for _, secret := range []string{kim[18:], operator[18:], made.Token[16:]} {
		if strings.Contains(r.out.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

// A server that runs open closes as soon as there is a key.
func TestTheFirstKeyClosesAServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	r := startServe(t, remoteEnv(t, data))
	if code, _ := asking(t, http.MethodGet, "http://"+r.addr+"/users", ""); code != http.StatusOK {
		t.Errorf("open, and answers %d", code)
	}
	key := makeKey(t, data, "mine", "--any-user", "--admin")
	code := 0
	for began := time.Now(); time.Since(began) < 5*time.Second && code != http.StatusUnauthorized; time.Sleep(50 * time.Millisecond) {
		code, _ = asking(t, http.MethodGet, "http://"+r.addr+"/users", "")
	}
	if code != http.StatusUnauthorized {
		t.Errorf("there is a key, and who has none gets %d", code)
	}
	if code, _ := asking(t, http.MethodGet, "http://"+r.addr+"/users", key); code != http.StatusOK {
		t.Errorf("with the key: %d", code)
	}
}

func TestKeysAndAccessAreAskedForProperly(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, tt := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "--any-user", []string{"keys", "make", "x", "--data", data}},
		{exitUsage, "--any-user", []string{"keys", "make", "x", "--data", data, "--user", "a", "--any-user"}},
		{exitUsage, "name", []string{"keys", "make", " ", "--data", data, "--user", "a"}},
		{exitFailed, "there is no key sori_abc", []string{"keys", "revoke", "sori_abc", "--data", data}},
		{exitFailed, "--jwt-audience", []string{"serve", "--data", data, "--jwt-issuer", "x", "--jwks-url", "https://id.test/keys"}},
		{exitFailed, "--jwks-url", []string{"serve", "--data", data, "--jwt-issuer", "x", "--jwt-audience", "y"}},
		{exitFailed, "--trusted-proxies", []string{"serve", "--data", data, "--trusted-proxies", "proxy.test"}},
		{exitFailed, "--insecure-no-auth", []string{"serve", "--data", data, "--insecure-no-auth", "--jwt-issuer", "x", "--jwt-audience", "y", "--jwks-url", "https://id.test/keys"}},
	} {
		sori(t, nil, tt.args...).expect(t, tt.code, tt.says)
	}
}
