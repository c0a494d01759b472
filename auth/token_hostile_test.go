package auth_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sori/auth"
)

// signRaw signs a header and claims that no library would write.
func signRaw(t testing.TB, key any, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	method := jwt.SigningMethod(jwt.SigningMethodHS256)
	switch key.(type) {
	case *rsa.PrivateKey:
		method = jwt.SigningMethodRS256
	case *ecdsa.PrivateKey:
		method = jwt.SigningMethodES256
	}
	signature, err := method.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// claimed are good claims as JSON, with more behind them.
func claimed(more string) string {
	return `{"iss":"` + issuer + `","aud":"` + audience + `","sub":"kim","exp":` + soon() + more + `}`
}

// soon is in an hour, in seconds since 1970.
func soon() string { return strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10) }

// Claims are read to the letter, and what is no claim of its kind is none.
func TestHostileClaims(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("s", 32))
	v := verifier(t, auth.JWTOptions{Secret: secret})
	head := `{"iss":"` + issuer + `","aud":"` + audience + `","sub":"kim"`
	exp := `,"exp":` + soon()
	for name, c := range map[string]struct {
		claims string
		want   error
	}{
		"as it should be":                {claimed(""), nil},
		"exp as a text":                  {head + `,"exp":"` + soon() + `"}`, auth.ErrInvalid},
		"exp of null":                    {head + `,"exp":null}`, auth.ErrInvalid},
		"exp as a list":                  {head + `,"exp":[` + soon() + `]}`, auth.ErrInvalid},
		"exp 1e308":                      {head + `,"exp":1e308}`, auth.ErrInvalid},
		"exp over what a number holds":   {head + `,"exp":1e999}`, auth.ErrInvalid},
		"exp -1e308":                     {head + `,"exp":-1e308}`, auth.ErrInvalid},
		"exp behind the year 9999":       {head + `,"exp":253402300800}`, auth.ErrInvalid},
		"exp at the end of 9999":         {head + `,"exp":253402300799}`, nil},
		"exp below zero":                 {head + `,"exp":-1}`, auth.ErrExpired},
		"exp zero":                       {head + `,"exp":0}`, auth.ErrExpired},
		"exp with a fraction":            {head + `,"exp":` + soon() + `.75}`, nil},
		"nbf 1e308":                      {claimed(`,"nbf":1e308`), auth.ErrInvalid},
		"iat as a text":                  {claimed(`,"iat":"now"`), auth.ErrInvalid},
		"sub twice":                      {claimed(`,"sub":"root"`), auth.ErrInvalid},
		"exp twice":                      {claimed(`,"exp":1`), auth.ErrInvalid},
		"scope twice":                    {claimed(`,"scope":"openid","scope":"sori:admin"`), auth.ErrInvalid},
		"another claim twice":            {claimed(`,"x":1,"x":2`), auth.ErrInvalid},
		"sub twice, escaped":             {claimed(`,"\u0073ub":"root"`), auth.ErrInvalid},
		"SUB beside sub":                 {claimed(`,"SUB":"root"`), nil},
		"Sub alone":                      {`{"iss":"` + issuer + `","aud":"` + audience + `","Sub":"kim"` + exp + `}`, auth.ErrInvalid},
		"ISS beside another iss":         {`{"iss":"other","ISS":"` + issuer + `","aud":"` + audience + `","sub":"kim"` + exp + `}`, auth.ErrInvalid},
		"sub as a number":                {`{"iss":"` + issuer + `","aud":"` + audience + `","sub":10` + exp + `}`, auth.ErrInvalid},
		"sub as a list":                  {`{"iss":"` + issuer + `","aud":"` + audience + `","sub":["kim"]` + exp + `}`, auth.ErrInvalid},
		"sub with a zero byte":           {`{"iss":"` + issuer + `","aud":"` + audience + `","sub":"kim\u0000"` + exp + `}`, auth.ErrInvalid},
		"aud of numbers":                 {`{"iss":"` + issuer + `","aud":[1],"sub":"kim"` + exp + `}`, auth.ErrInvalid},
		"aud as an object":               {`{"iss":"` + issuer + `","aud":{"sori":"sori"},"sub":"kim"` + exp + `}`, auth.ErrInvalid},
		"a thousand lists in each other": {claimed(`,"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)), nil},
		"20,000 lists in each other":     {claimed(`,"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), auth.ErrInvalid},
		"lists that do not end":          {claimed(`,"x":` + strings.Repeat("[", 3000)), auth.ErrInvalid},
		"a list":                         {`[]`, auth.ErrInvalid},
		"null":                           {`null`, auth.ErrInvalid},
		"a text":                         {`"kim"`, auth.ErrInvalid},
		"nothing":                        {``, auth.ErrInvalid},
		"two objects":                    {claimed("") + claimed(""), auth.ErrInvalid},
		"no UTF-8":                       {`{"iss":"` + issuer + `","aud":"` + audience + `","sub":"kim` + "\xff" + `"` + exp + `}`, auth.ErrInvalid},
	} {
		p, err := v.Verify(t.Context(), signRaw(t, secret, `{"alg":"HS256"}`, c.claims))
		if c.want == nil && (err != nil || p.User != "kim" || p.Admin) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, p, err, c.want)
		}
	}
}

// The scope stands in a text or in a list, under one of two names.
func TestScopes(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("s", 32))
	v := verifier(t, auth.JWTOptions{Secret: secret})
	for more, want := range map[string]bool{
		`,"scope":"openid sori:admin"`:     true,
		`,"scope":["openid","sori:admin"]`: true,
		`,"scp":"openid sori:admin"`:       true,
		`,"scp":["sori:admin"]`:            true,
		`,"scp":["openid sori:admin"]`:     false,
		`,"Scope":"sori:admin"`:            false,
		`,"SCP":["sori:admin"]`:            false,
		`,"scopes":"sori:admin"`:           false,
		`,"scope":null`:                    false,
	} {
		p, err := v.Verify(t.Context(), signRaw(t, secret, `{"alg":"HS256"}`, claimed(more)))
		if err != nil || p.Admin != want {
			t.Errorf("%s: %+v, %v", more, p, err)
		}
	}
	for _, more := range []string{`,"scope":7`, `,"scp":{"sori:admin":true}`, `,"scp":[1]`} {
		if p, err := v.Verify(t.Context(), signRaw(t, secret, `{"alg":"HS256"}`, claimed(more))); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("%s: %+v, %v", more, p, err)
		}
	}
}

// What a header says is a name among keys that are known, and nothing else: no
// key comes with a token, and none is fetched for it.
func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	idp := &provider{}
	idp.set(rsaJWK("one", &r.PublicKey), ecJWK(t, "two", &e.PublicKey))
	v, _ := provided(t, idp, auth.JWKSOptions{Unknown: time.Hour})

	var asked atomic.Int64 // whom no token may make it ask
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(evil.Close)
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := json.Marshal(rsaJWK("one", &own.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	header := func(more string) string { return `{"alg":"RS256"` + more + `}` }
	for name, c := range map[string]struct {
		key    any
		header string
		want   error
	}{
		"with its name":                 {r, header(`,"kid":"one"`), nil},
		"without a name":                {r, header(``), nil},
		"an empty name":                 {r, header(`,"kid":""`), nil},
		"the other without a name":      {e, `{"alg":"ES256"}`, nil},
		"nobody's without a name":       {own, header(``), auth.ErrInvalid},
		"kid is a number":               {r, header(`,"kid":1`), auth.ErrInvalid},
		"kid is an object":              {r, header(`,"kid":{"one":"one"}`), auth.ErrInvalid},
		"kid is null":                   {r, header(`,"kid":null`), auth.ErrInvalid},
		"kid is a list":                 {r, header(`,"kid":["one"]`), auth.ErrInvalid},
		"kid of 100 KB":                 {r, header(`,"kid":"` + strings.Repeat("k", 100_000) + `"`), auth.ErrInvalid},
		"kid is a path":                 {r, header(`,"kid":"../one"`), auth.ErrInvalid},
		"kid is a file":                 {r, header(`,"kid":"/dev/null"`), auth.ErrInvalid},
		"kid is SQL":                    {r, header(`,"kid":"one' OR '1'='1"`), auth.ErrInvalid},
		"kid of another key":            {r, header(`,"kid":"two"`), auth.ErrInvalid},
		"kid of somebody else's key":    {own, header(`,"kid":"one"`), auth.ErrInvalid},
		"KID beside none":               {r, header(`,"KID":"two"`), nil},
		"jku":                           {own, header(`,"kid":"mine","jku":"` + evil.URL + `"`), auth.ErrInvalid},
		"jku with a known name":         {own, header(`,"kid":"one","jku":"` + evil.URL + `"`), auth.ErrInvalid},
		"x5u":                           {own, header(`,"kid":"one","x5u":"` + evil.URL + `"`), auth.ErrInvalid},
		"jwk":                           {own, header(`,"kid":"one","jwk":` + string(mine)), auth.ErrInvalid},
		"jwk without a name":            {own, header(`,"jwk":` + string(mine)), auth.ErrInvalid},
		"x5c":                           {own, header(`,"x5c":["MIIB"]`), auth.ErrInvalid},
		"jku beside a good signature":   {r, header(`,"kid":"one","jku":"` + evil.URL + `"`), nil},
		"crit":                          {r, header(`,"kid":"one","crit":["b64"],"b64":false`), auth.ErrInvalid},
		"crit of nothing":               {r, header(`,"kid":"one","crit":null`), auth.ErrInvalid},
		"alg in small letters":          {r, `{"alg":"rs256","kid":"one"}`, auth.ErrInvalid},
		"alg with a space":              {r, `{"alg":"RS256 ","kid":"one"}`, auth.ErrInvalid},
		"alg is a list":                 {r, `{"alg":["RS256"],"kid":"one"}`, auth.ErrInvalid},
		"alg is missing":                {r, `{"kid":"one"}`, auth.ErrInvalid},
		"alg none":                      {r, `{"alg":"none","kid":"one"}`, auth.ErrInvalid},
		"alg of the other key":          {r, `{"alg":"ES256","kid":"one"}`, auth.ErrInvalid},
		"alg of a stronger hash":        {r, `{"alg":"RS512","kid":"one"}`, auth.ErrInvalid},
		"HS256 with what is public":     {r.N.Bytes(), `{"alg":"HS256","kid":"one"}`, auth.ErrInvalid},
		"header is a list":              {r, `["RS256"]`, auth.ErrInvalid},
		"header of 20,000 lists":        {r, header(`,"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), auth.ErrInvalid},
		"header with a zero byte in it": {r, "{\"alg\":\"RS256\",\"kid\":\"one\x00\"}", auth.ErrInvalid},
	} {
		began := time.Now()
		p, err := v.Verify(t.Context(), signRaw(t, c.key, c.header, claimed("")))
		if c.want == nil && (err != nil || p.User != "kim") || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v; want %v", name, p, err, c.want)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("an address in a token was asked %d times", n)
	}
}

// Signatures that are none.
func TestHostileSignatures(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	rs := verifier(t, auth.JWTOptions{PublicKey: pemOf(t, &r.PublicKey)})
	es := verifier(t, auth.JWTOptions{PublicKey: pemOf(t, &e.PublicKey)})
	order := e.Params().N.Bytes()
	for name, c := range map[string]struct {
		v         *auth.JWT
		alg       string
		signature []byte
	}{
		"ES256 of zeros":              {es, "ES256", make([]byte, 64)},
		"ES256 with r = s = n":        {es, "ES256", append(order, order...)},
		"ES256 with r = 0":            {es, "ES256", append(make([]byte, 32), order...)},
		"ES256 of 63 bytes":           {es, "ES256", make([]byte, 63)},
		"ES256 of 65 bytes":           {es, "ES256", make([]byte, 65)},
		"ES256 of nothing":            {es, "ES256", nil},
		"ES256 of 4 KB":               {es, "ES256", make([]byte, 4<<10)},
		"RS256 of zeros":              {rs, "RS256", make([]byte, 256)},
		"RS256 of one":                {rs, "RS256", append(make([]byte, 255), 1)},
		"RS256 of the modulus":        {rs, "RS256", r.N.Bytes()},
		"RS256 of one byte less":      {rs, "RS256", make([]byte, 255)},
		"RS256 of nothing":            {rs, "RS256", nil},
		"RS256 of 4 KB":               {rs, "RS256", make([]byte, 4<<10)},
		"RS256 that is a plain hash":  {rs, "RS256", hashOf("x")},
		"RS256 that is HMAC of a key": {rs, "RS256", hmacOf(r.N.Bytes(), "x")},
	} {
		enc := base64.RawURLEncoding
		text := enc.EncodeToString([]byte(`{"alg":"`+c.alg+`"}`)) + "." + enc.EncodeToString([]byte(claimed(""))) + "." + enc.EncodeToString(c.signature)
		expect(t, c.v, name, text, auth.ErrInvalid)
	}
	good := strings.Split(signRaw(t, e, `{"alg":"ES256"}`, claimed("")), ".")
	for name, text := range map[string]string{
		"filled up with =":         good[0] + "." + good[1] + "." + good[2] + "==",
		"with letters of base64":   good[0] + "." + good[1] + ".+" + good[2][1:],
		"with a line feed in it":   good[0] + "." + good[1] + "." + good[2][:10] + "\n" + good[2][10:],
		"with four parts":          strings.Join(good, ".") + ".x",
		"a thousand points":        strings.Repeat(".", 1000),
		"other bits at its end":    good[0] + "." + good[1] + "." + loose(good[2]),
		"the claims another's":     good[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(claimed(""), "kim", "root", 1))) + "." + good[2],
		"the header another's":     base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","x":1}`)) + "." + good[1] + "." + good[2],
		"a megabyte of signature":  good[0] + "." + good[1] + "." + strings.Repeat("A", 1<<20),
		"a megabyte of white room": good[0] + "." + good[1] + "." + strings.Repeat(" ", 1<<20),
	} {
		expect(t, es, name, text, auth.ErrInvalid)
	}
}

// loose changes the bits at the end of base64 that mean nothing.
func loose(text string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(letters, text[len(text)-1])
	return text[:len(text)-1] + string(letters[last|1])
}

func hashOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func hmacOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// FuzzVerify reads tokens as they come: nothing is taken that was not signed, and
// nothing breaks. What is signed comes from the fuzzer as well.
func FuzzVerify(f *testing.F) {
	secret := []byte(strings.Repeat("s", 32))
	v, err := auth.NewJWT(auth.JWTOptions{Secret: secret, Issuer: issuer, Audience: audience})
	if err != nil {
		f.Fatal(err)
	}
	for _, claims := range []string{claimed(""), claimed(`,"scope":["a"]`), claimed(`,"sub":"b"`), `null`, `{"exp":1e308}`, `[[[`} {
		f.Add(`{"alg":"HS256","typ":"JWT"}`, claims, "x.y.z")
	}
	f.Add(`{"alg":"none"}`, claimed(""), "..")
	f.Add(`{"alg":"HS256","crit":["b64"],"b64":false}`, `{}`, "e30.e30.")
	f.Fuzz(func(t *testing.T, header, claims, text string) {
		if p, err := v.Verify(t.Context(), text); err == nil {
			t.Fatalf("%q is taken: %+v", text, p)
		}
		p, err := v.Verify(t.Context(), signRaw(t, secret, header, claims))
		if err != nil {
			if !errors.Is(err, auth.ErrInvalid) && !errors.Is(err, auth.ErrExpired) {
				t.Errorf("%q %q: %v", header, claims, err)
			}
			return
		}
		// What is taken says so to the letter.
		var said map[string]any
		if err := json.Unmarshal([]byte(claims), &said); err != nil {
			t.Fatal(err)
		}
		if p.User == "" || said["sub"] != p.User || said["iss"] != issuer || said["exp"] == nil {
			t.Errorf("%q became %+v", claims, p)
		}
		if _, scoped := said["scope"]; p.Admin && !scoped && said["scp"] == nil {
			t.Errorf("%q made an admin", claims)
		}
		if _, err := json.Marshal(p.Expires); err != nil {
			t.Errorf("%q: %v", claims, err)
		}
	})
}
