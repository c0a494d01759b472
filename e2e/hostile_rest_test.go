//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sori/client"
)

// speak sends bytes as they are to the server and gives the status of its
// answer, and its code; 0 where it closes without a word.
func speak(t *testing.T, s *sori, text string) (status int, code string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr) //nolint:noctx // a raw socket
	if err != nil {
		t.Fatal(err)
	}
	status, body := exchange(t, conn, text)
	var p struct {
		Code   string
		Detail string
		Error  struct{ Code string }
	}
	if json.Unmarshal(body, &p) == nil {
		code = p.Code + p.Error.Code
	}
	if bytes.Contains(body, []byte("goroutine ")) || bytes.Contains(body, []byte(".go:")) {
		t.Errorf("the answer tells of the inside: %s", body)
	}
	return status, code
}

// exchange writes the text and reads an HTTP answer, then closes the connection;
// 0 where none came.
func exchange(t *testing.T, conn net.Conn, text string) (status int, body []byte) {
	t.Helper()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, text) // it may be refused in the middle
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, _ = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, body
}

// request writes a request with the header lines and the body.
func request(method, target, header, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s", method, target, len(body), header, body)
}

const (
	jsonHeader = "Content-Type: application/json\r\n"
	wavHeader  = "Content-Type: audio/wav\r\n"
	upgrade    = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
)

// rubbish is one request that nobody should make.
type rubbish struct {
	send   string
	status int
	code   string // "": any
}

// check makes the request and looks at its answer.
func (c rubbish) check(t *testing.T, s *sori) {
	t.Helper()
	began := time.Now()
	status, code := speak(t, s, c.send)
	if status != c.status || c.code != "" && code != c.code {
		t.Errorf("answered with %d %q, want %d %q", status, code, c.status, c.code)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

// rubbishOverREST has what is sent to the REST surface, and what answers it.
func rubbishOverREST() map[string]rubbish {
	run := func(header, body string) string { return request("POST", "/run-full-pipeline", header, body) }
	chat := func(body string) string { return request("POST", "/v1/chat/completions", jsonHeader, body) }
	wav := func(head string) string { return run(wavHeader, head) }
	return map[string]rubbish{
		"no such path":                 {request("GET", "/admin.php", "", ""), 404, "not_found"},
		"path out of the tree":         {request("GET", "/users/10/recordings/..%2f..%2f..%2fetc%2fpasswd", "", ""), 404, ""},
		"page out of the tree":         {request("GET", "/app/../../../../etc/passwd", "", ""), 404, ""},
		"zero byte in a path":          {request("GET", "/users/10/recordings/a%00.wav", "", ""), 404, ""},
		"wrong method":                 {request("PATCH", "/users", "", ""), 405, "method_not_allowed"},
		"unknown method":               {request("BREW", "/", "", ""), 405, ""},
		"user that nobody knows":       {request("GET", "/users/nobody/turns", "", ""), 404, "user_not_found"},
		"page size is no number":       {request("GET", "/users/10/turns?limit=many", "", ""), 400, "bad_parameter"},
		"websocket without upgrade":    {request("GET", "/ws", "", ""), 426, "upgrade_required"},
		"websocket without key":        {request("GET", "/ws", upgrade+"Sec-WebSocket-Version: 13\r\n", ""), 400, ""},
		"websocket of version 1":       {request("GET", "/ws", upgrade+"Sec-WebSocket-Version: 1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, ""},
		"websocket from another page":  {request("GET", "/ws", upgrade+"Origin: https://evil.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 403, "origin_not_allowed"},
		"another name for the machine": {strings.Replace(request("GET", "/users", "", ""), "Host: localhost", "Host: evil.example", 1), 403, "not_local"},
		"credential in the URL":        {request("GET", "/users?access_token=secret", "", ""), 400, "credential_in_url"},
		"a key under another name":     {request("GET", "/users?model=sori_abcdefabcdef_"+strings.Repeat("A", 43), "", ""), 400, "credential_in_url"},
		"a key behind a semicolon":     {request("GET", "/users?a=b;%61pi_key=x", "", ""), 400, "credential_in_url"},
		"a script of another page":     {request("GET", "/ttot", "Origin: https://evil.example\r\n", ""), 403, "origin_not_allowed"},
		"a page in a sandbox":          {request("GET", "/users", "Origin: null\r\n", ""), 403, "origin_not_allowed"},
		"an image on another page":     {request("GET", "/ttot", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", ""), 403, "origin_not_allowed"},
		"a link to work":               {request("GET", "/atot", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n", ""), 403, "origin_not_allowed"},
		"by way of a proxy":            {request("GET", "/users", "X-Real-IP: 127.0.0.1\r\n", ""), 403, "not_local"},
		"another name in the line":     {request("GET", "http://evil.example/users", "", ""), 403, "not_local"},
		"HTTP/2 by surprise":           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 403, "not_local"},
		"dots in a user's name":        {request("GET", "/users/10/../20/turns", "", ""), 404, ""},
		"escaped dots in a name":       {request("GET", "/users/%2e%2e%2fkeys/turns", "", ""), 404, "user_not_found"},
		"recording behind a symlink":   {request("GET", "/users/..%2f..%2fproc/recordings/self", "", ""), 404, ""},
		"zipped JSON":                  {run(jsonHeader+"Content-Encoding: gzip\r\n", "\x1f\x8b\x08\x00\x00\x00\x00\x00"), 400, "bad_json"},
		"WAV of a hertz":               {wav("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x01\x00\x00\x00\x02\x00\x00\x00\x02\x00\x10\x00data\xff\xff\xff\xff" + strings.Repeat("\x00", 4000)), 422, "bad_audio"},
		"JSON of 100,000 brackets":     {chat(`{"messages":` + strings.Repeat("[", 100_000)), 400, "bad_json"},
		"no HTTP":                      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400, ""},
		"two hosts":                    {"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400, ""},
		"header without end":           {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 100_000) + "\r\n\r\n", 431, ""},
		"two lengths":                  {"POST /run-full-pipeline HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello", 400, ""},
		"negative length":              {"POST /run-full-pipeline HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\nConnection: close\r\n\r\n", 400, ""},
		"length and chunks":            {"POST /run-full-pipeline HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\nabc", 501, ""},
		"body of a terabyte":           {"POST /run-full-pipeline HTTP/1.1\r\nHost: localhost\r\n" + wavHeader + "Content-Length: 1099511627776\r\nConnection: close\r\n\r\n", 413, "body_too_large"},
		"body broken off":              {"POST /run-full-pipeline HTTP/1.1\r\nHost: localhost\r\n" + jsonHeader + "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "body_cut_off"},
		"body of no known type":        {run("Content-Type: application/x-shockwave-flash\r\n", "abc"), 415, ""},
		"type that can't be read":      {run("Content-Type: ;;;\r\n", "abc"), 415, "unsupported_media_type"},
		"broken JSON":                  {run(jsonHeader, `{"text":`), 400, "bad_json"},
		"JSON list":                    {run(jsonHeader, `[1]`), 400, "bad_json"},
		"user is an object":            {run(jsonHeader, `{"user_id":{},"text":"hi"}`), 400, ""},
		"user too long":                {run(jsonHeader, `{"text":"hi","user_id":"`+strings.Repeat("x", 5000)+`"}`), 400, "bad_parameter"},
		"rate out of range":            {run(jsonHeader, `{"text":"hi","rate":"9999999"}`), 400, "bad_parameter"},
		"multipart without end":        {run("Content-Type: multipart/form-data; boundary=x\r\n", "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhi"), 400, "bad_multipart"},
		"multipart without boundary":   {run("Content-Type: multipart/form-data\r\n", "--x\r\n"), 400, "bad_multipart"},
		"WAV that is text":             {wav("this is no audio at all, whatever its name says"), 422, "bad_audio"},
		"WAV of one byte":              {wav("R"), 422, "bad_audio"},
		"WAV with a header alone":      {wav("RIFF\xff\xff\xff\xffWAVEfmt "), 422, "bad_audio"},
		"chat that is no JSON":         {chat(`{"messages":`), 400, "bad_json"},
		"chat without messages":        {chat(`{}`), 400, ""},
		"chat with a number":           {chat(`{"messages":7}`), 400, "bad_json"},
		"speech without input":         {request("POST", "/v1/audio/speech", jsonHeader, `{}`), 400, ""},
		"speech in a format of 1999":   {request("POST", "/v1/audio/speech", jsonHeader, `{"input":"hi","response_format":"ra"}`), 400, ""},
		"transcription without file":   {request("POST", "/v1/audio/transcriptions", "Content-Type: multipart/form-data; boundary=x\r\n", "--x--\r\n"), 400, ""},
		"model that is not there":      {request("GET", "/v1/models/nothing", "", ""), 404, ""},
	}
}

// Whatever is sent to the REST surface is answered with a status that says whose
// fault it is, and the session beside it does not notice.
func TestRubbishOverREST(t *testing.T) {
	t.Parallel()
	s := serve(t, scriptedArgs(scripted(t))...)
	for name, c := range rubbishOverREST() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.check(t, s)
		})
	}
	t.Run("a healthy session beside them", func(t *testing.T) {
		t.Parallel()
		healthy(t, s)
	})
}

// healthy is a session that others' trouble must not touch: its turns are
// answered, and none of them late.
func healthy(t *testing.T, s *sori) {
	t.Helper()
	beside := dial(t, s, format(16000))
	for range 5 {
		began := time.Now()
		if a := ask(t, beside, client.Turn{Text: "hello", Fast: true}); !a.Done() {
			t.Errorf("it failed: %+v", a.Record.Error)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("its turn took %v", took)
		}
	}
}
