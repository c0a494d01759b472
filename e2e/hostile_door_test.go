//go:build e2e

package e2e_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/client"
)

// door is a sori as it stands on the internet: with TLS, and for those who bring a
// token of an identity provider that is none of the best.
type door struct {
	*sori
	roots *x509.CertPool
	good  *rsa.PrivateKey // of the key "good"
	weak  *rsa.PrivateKey // of "weak", with 1,024 bits, and
	other *rsa.PrivateKey // of "enc", which is for encryption
	evil  string          // where no token may make it ask
	asked atomic.Int64    // how often that was asked
}

const (
	doorIssuer   = "https://id.example.com"
	doorAudience = "sori"
)

func openDoor(t *testing.T) *door {
	t.Helper()
	d := &door{good: newRSA(t, 2048), weak: newRSA(t, 1024), other: newRSA(t, 2048)}
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		enc := publicJWK("enc", d.other)
		enc["use"] = "enc"
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{
			map[string]any{"kty": "EC", "crv": "P-256", "kid": "off", "x": word([]byte{1}), "y": word([]byte{1})},
			publicJWK("weak", d.weak), enc,
			map[string]any{"kty": "oct", "kid": "shared", "k": word(make([]byte, 32))},
			7, publicJWK("good", d.good),
		}})
	}))
	t.Cleanup(idp.Close)
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { d.asked.Add(1) }))
	t.Cleanup(evil.Close)
	d.evil = evil.URL
	args := []string{"--tls-self-signed", "--jwks-url", idp.URL, "--jwt-issuer", doorIssuer, "--jwt-audience", doorAudience}
	d.sori = serve(t, append(args, scriptedArgs(scripted(t))...)...)
	cert, err := os.ReadFile(filepath.Join(d.data, "tls", "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	d.roots = x509.NewCertPool()
	d.roots.AppendCertsFromPEM(cert)
	return d
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func word(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func publicJWK(name string, k *rsa.PrivateKey) map[string]any {
	return map[string]any{"kty": "RSA", "kid": name, "n": word(k.N.Bytes()), "e": word(big.NewInt(int64(k.E)).Bytes())}
}

// token signs a header and claims as they are.
func token(t *testing.T, k *rsa.PrivateKey, header, claims string) string {
	t.Helper()
	text := word([]byte(header)) + "." + word([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + word(signature)
}

// doorClaims are claims that are taken, with more behind them.
func doorClaims(more string) string {
	return fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"kim","exp":%d%s}`, doorIssuer, doorAudience, time.Now().Add(time.Hour).Unix(), more)
}

func (d *door) goodToken(t *testing.T) string {
	t.Helper()
	return token(t, d.good, `{"alg":"RS256","kid":"good"}`, doorClaims(""))
}

// private is how a client that trusts the server connects.
func (d *door) private() *tls.Config { return &tls.Config{RootCAs: d.roots, ServerName: "localhost"} }

// ask makes a request over TLS as it is written, and gives the answer.
func (d *door) ask(t *testing.T, cfg *tls.Config, text string) (status int, body string) {
	t.Helper()
	dialer := &tls.Dialer{Config: cfg}
	conn, err := dialer.DialContext(t.Context(), "tcp", d.addr)
	if err != nil {
		return 0, ""
	}
	status, answer := exchange(t, conn, text)
	return status, string(answer)
}

// rubbishTokens are what no provider of identities gives out.
func rubbishTokens(t *testing.T, d *door) map[string]struct {
	header string // lines of the request
	status int
	code   string
} {
	t.Helper()
	bearer := func(text string) string { return "Authorization: Bearer " + text + "\r\n" }
	good := func(header, claims string) string { return bearer(token(t, d.good, header, claims)) }
	head := func(more string) string { return `{"alg":"RS256","kid":"good"` + more + `}` }
	base := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"kim"`, doorIssuer, doorAudience)
	none := word([]byte(`{"alg":"none"}`)) + "." + word([]byte(doorClaims(""))) + "."
	split := strings.Split(d.goodToken(t), ".")
	mine, _ := json.Marshal(publicJWK("mine", d.other)) //nolint:errchkjson // a map of texts
	return map[string]struct {
		header string
		status int
		code   string
	}{
		"a good one":                  {good(head(""), doorClaims("")), 200, `"user":"kim"`},
		"a good one without a name":   {good(`{"alg":"RS256"}`, doorClaims("")), 200, `"user":"kim"`},
		"none":                        {"", 401, "key_missing"},
		"of a weak key":               {bearer(token(t, d.weak, `{"alg":"RS256","kid":"weak"}`, doorClaims(""))), 401, "key_invalid"},
		"of a key for encryption":     {bearer(token(t, d.other, `{"alg":"RS256","kid":"enc"}`, doorClaims(""))), 401, "key_invalid"},
		"of nobody's key":             {bearer(token(t, d.other, head(""), doorClaims(""))), 401, "key_invalid"},
		"kid is a number":             {good(`{"alg":"RS256","kid":7}`, doorClaims("")), 401, "key_invalid"},
		"kid is an object":            {good(`{"alg":"RS256","kid":{}}`, doorClaims("")), 401, "key_invalid"},
		"kid is a path":               {good(`{"alg":"RS256","kid":"../good"}`, doorClaims("")), 401, "key_invalid"},
		"kid of another key":          {good(`{"alg":"RS256","kid":"enc"}`, doorClaims("")), 401, "key_invalid"},
		"jku":                         {bearer(token(t, d.other, `{"alg":"RS256","kid":"x","jku":"`+d.evil+`"}`, doorClaims(""))), 401, "key_invalid"},
		"x5u":                         {bearer(token(t, d.other, `{"alg":"RS256","x5u":"`+d.evil+`"}`, doorClaims(""))), 401, "key_invalid"},
		"jwk":                         {bearer(token(t, d.other, `{"alg":"RS256","kid":"mine","jwk":`+string(mine)+`}`, doorClaims(""))), 401, "key_invalid"},
		"crit":                        {good(head(`,"crit":["exp"]`), doorClaims("")), 401, "key_invalid"},
		"alg none":                    {bearer(none), 401, "key_invalid"},
		"alg in small letters":        {good(`{"alg":"rs256","kid":"good"}`, doorClaims("")), 401, "key_invalid"},
		"alg HS256":                   {good(`{"alg":"HS256","kid":"good"}`, doorClaims("")), 401, "key_invalid"},
		"without its signature":       {bearer(split[0] + "." + split[1] + "."), 401, "key_invalid"},
		"other claims under it":       {bearer(split[0] + "." + word([]byte(doorClaims(`,"scope":"sori:admin"`))) + "." + split[2]), 401, "key_invalid"},
		"exp is a text":               {good(head(""), base+`,"exp":"9999999999"}`), 401, "key_invalid"},
		"exp 1e308":                   {good(head(""), base+`,"exp":1e308}`), 401, "key_invalid"},
		"exp below zero":              {good(head(""), base+`,"exp":-5}`), 401, "key_expired"},
		"sub twice":                   {good(head(""), doorClaims(`,"sub":"root"`)), 401, "key_invalid"},
		"SUB and SCOPE":               {good(head(""), doorClaims(`,"SUB":"root","SCOPE":"sori:admin"`)), 200, `"user":"kim","admin":false`},
		"1,000 lists in each other":   {good(head(""), doorClaims(`,"x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000))), 200, `"user":"kim"`},
		"lists that do not end":       {good(head(""), doorClaims(`,"x":`+strings.Repeat("[", 1000))), 401, "key_invalid"},
		"20 KB of claims":             {good(head(""), doorClaims(`,"x":"`+strings.Repeat("x", 20_000)+`"`)), 401, "key_invalid"},
		"900 KB of claims":            {good(head(""), doorClaims(`,"x":"`+strings.Repeat("x", 900_000)+`"`)), 431, ""},
		"two of them":                 {good(head(""), doorClaims("")) + good(head(""), doorClaims(`,"x":1`)), 401, "key_invalid"},
		"as a password":               {"Authorization: Basic " + d.goodToken(t) + "\r\n", 401, "key_invalid"},
		"four parts":                  {bearer(d.goodToken(t) + ".x"), 401, "key_invalid"},
		"a key that sori never made":  {bearer("sori_abcdefabcdef_" + strings.Repeat("A", 43)), 401, "key_invalid"},
		"a token that it never made":  {bearer("ek_abcdefabcdef_" + strings.Repeat("A", 43)), 401, "key_invalid"},
		"on a line that goes on":      {"Authorization: Bearer " + split[0] + "\r\n ." + split[1] + "." + split[2] + "\r\n", 401, "key_invalid"},
		"with a zero byte":            {bearer(d.goodToken(t) + "\x00"), 400, ""},
		"as a WebSocket's: not at it": {"Sec-WebSocket-Protocol: sori, sori.key." + none + "\r\n", 401, "key_invalid"},
	}
}

// Whatever a caller shows at the door: who may not come in stays outside, over REST
// and at /ws alike, and those inside do not notice.
func TestRubbishAtTheDoor(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	t.Run("tokens", func(t *testing.T) {
		t.Parallel()
		for name, c := range rubbishTokens(t, d) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				status, body := d.ask(t, d.private(), request("GET", "/whoami", c.header, ""))
				if status != c.status || !strings.Contains(body, c.code) {
					t.Errorf("answered with %d %s, want %d with %s", status, tail(body), c.status, c.code)
				}
				if c.status == 200 || c.status == 401 {
					want := map[int]int{200: 101, 401: 401}[c.status]
					status, _ = d.ask(t, d.private(), "GET /ws HTTP/1.1\r\nHost: localhost\r\n"+upgrade+"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+c.header+"\r\n")
					if status != want {
						t.Errorf("at /ws: %d, want %d", status, want)
					}
				}
			})
		}
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		for name, c := range rubbishOverTLS(t, d) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if got := c.does(t); !strings.Contains(got, c.answer) || c.answer == "" && got != "" {
					t.Errorf("answered with %q, want %q", tail(got), c.answer)
				}
			})
		}
	})
	t.Run("a healthy session beside them", func(t *testing.T) {
		t.Parallel()
		d.healthy(t)
	})
	t.Cleanup(func() {
		if n := d.asked.Load(); n > 0 {
			t.Errorf("an address in a token was asked %d times", n)
		}
		log := d.out.String()
		for _, name := range []string{"off", "weak", "enc", "shared"} {
			if !strings.Contains(log, `\"`+name+`\", number `) {
				t.Errorf("the log does not name the key %s", name)
			}
		}
		for _, secret := range []string{"eyJhbGci", "sub\":\"kim"} {
			if strings.Contains(log, secret) {
				t.Errorf("the log holds %s", secret)
			}
		}
	})
}

// healthy is a session over TLS, with a good token, that others' trouble must not
// touch.
func (d *door) healthy(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	transport := &http.Transport{TLSClientConfig: d.private()}
	defer transport.CloseIdleConnections()
	conn, err := client.Dial(ctx, "wss://"+d.addr+"/ws", client.Options{
		HTTP: &http.Client{Transport: transport}, Header: http.Header{"Authorization": {"Bearer " + d.goodToken(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if _, err := conn.Configure(ctx, format(16000), nil); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		began := time.Now()
		if a := ask(t, conn, client.Turn{Text: "hello", Fast: true}); !a.Done() {
			t.Errorf("it failed: %+v", a.Record.Error)
		}
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("its turn took %v", took)
		}
	}
}

// claimed opens a WebSocket over TLS, claims a frame of 2^62 bytes, and gives how
// that ended.
func (d *door) claimed(t *testing.T, path string) string {
	t.Helper()
	dialer := &tls.Dialer{Config: d.private()}
	conn, err := dialer.DialContext(t.Context(), "tcp", d.addr)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n%sSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer %s\r\n\r\n", path, upgrade, d.goodToken(t))
	_, _ = io.WriteString(conn, "\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00")
	answer := make([]byte, 0, 64<<10)
	for b := make([]byte, 4<<10); ; {
		n, err := conn.Read(b)
		answer = append(answer, b[:n]...)
		if code := closing(answer); code != 0 || err != nil {
			return strconv.Itoa(code)
		}
	}
}

// closing finds the close frame at the end of what a server said, 0 for none.
func closing(said []byte) int {
	for _, code := range []websocket.StatusCode{websocket.StatusMessageTooBig, websocket.StatusProtocolError, websocket.StatusNormalClosure} {
		if strings.Contains(string(said), string([]byte{byte(code >> 8), byte(code)})+"A message had more than") {
			return int(code)
		}
	}
	return 0
}
