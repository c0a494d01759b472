package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/auth"
)

func TestAKeyIsNotKept(t *testing.T) {
	t.Parallel()
	m := newMemory()
	text, made := makeKey(t, m, auth.Key{Name: "phone", User: "kim"})
	secret := text[len(made.Prefix())+1:]
	for id, record := range m.records["key"] {
		if strings.Contains(string(record), secret) {
			t.Errorf("the record of %s holds the secret: %s", id, record)
		}
	}
	if !strings.HasPrefix(text, made.Prefix()+"_") || len(secret) < 40 {
		t.Errorf("%q does not begin with %q, or its secret is short", text, made.Prefix())
	}
}

func TestWhoComesIn(t *testing.T) {
	t.Parallel()
	m := newMemory()
	g := auth.NewGuard(auth.GuardOptions{Store: m})
	kim, made := makeKey(t, m, auth.Key{User: "kim"})
	operator, _ := makeKey(t, m, auth.Key{Admin: true})
	late, _ := makeKey(t, m, auth.Key{User: "kim", Expires: time.Now().Add(-time.Minute)})
	gone, goneKey := makeKey(t, m, auth.Key{User: "kim"})
	if _, err := (auth.Keys{Store: m}).Revoke(t.Context(), goneKey.ID); err != nil {
		t.Fatal(err)
	}

	p := authenticate(t, g, kim)
	if p.User != "kim" || p.Admin || p.KeyID != made.ID || p.Owner() != "user:kim" {
		t.Errorf("%+v", p)
	}
	if !p.May("kim") || p.May("lee") || !p.Speaks("kim") || p.Speaks("lee") || p.Speaks("") {
		t.Errorf("kim may too much or too little: %+v", p)
	}
	if p := authenticate(t, g, operator); !p.Admin || !p.May("kim") || !p.Speaks("kim") {
		t.Errorf("the operator: %+v", p)
	}
	for _, bad := range []string{
		"sori_", "sori__", kim[:len(kim)-1], kim + "x", strings.ToUpper(kim), "ek" + kim[4:], kim[:len(kim)-3] + "AAA",
		"sori_" + strings.Repeat("a", 12) + kim[17:], "x.y.z", "Bearer " + kim, "\x00", strings.Repeat("a", 9000),
	} {
		refused(t, g, bad, auth.ErrInvalid)
	}
	refused(t, g, "", auth.ErrMissing)
	refused(t, g, late, auth.ErrExpired)
	refused(t, g, gone, auth.ErrRevoked)
	if nobody := (auth.Principal{}); nobody.May("") || nobody.May("kim") || nobody.Speaks("kim") || nobody.Owner() != "" {
		t.Error("nobody may something")
	}
}

func TestRevocationTakesEffectWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := auth.NewGuard(auth.GuardOptions{Store: m})
		text, made := makeKey(t, m, auth.Key{User: "kim"})
		p := authenticate(t, g, text)
		asked := m.calls()
		for range 100 {
			authenticate(t, g, text)
		}
		if n := m.calls() - asked; n != 0 {
			t.Errorf("the store was asked %d times within a second", n)
		}
		token, _, err := g.MakeToken(t.Context(), p, "kim", 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		tp := authenticate(t, g, token)
		if _, err := (auth.Keys{Store: m}).Revoke(t.Context(), made.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		refused(t, g, text, auth.ErrRevoked)
		refused(t, g, token, auth.ErrRevoked)
		for _, p := range []auth.Principal{p, tp} {
			if err := g.Recheck(t.Context(), p); !errors.Is(err, auth.ErrRevoked) {
				t.Errorf("%s may stay: %v", p.Kind, err)
			}
		}
	})
}

// A store that is gone for a while keeps nobody out who was let in before, and
// lets in nobody else.
func TestAStoreThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := auth.NewGuard(auth.GuardOptions{Store: m})
		known, _ := makeKey(t, m, auth.Key{User: "kim"})
		other, _ := makeKey(t, m, auth.Key{User: "lee"})
		authenticate(t, g, known)
		m.breakDown(true)
		time.Sleep(time.Minute)
		asked := m.calls()
		for range 10 {
			authenticate(t, g, known)
		}
		if n := m.calls() - asked; n != 1 {
			t.Errorf("a store that is gone was asked %d times at once", n)
		}
		refused(t, g, other, auth.ErrUnavailable)
		time.Sleep(5 * time.Minute)
		refused(t, g, known, auth.ErrUnavailable)
		m.breakDown(false)
		authenticate(t, g, known)
	})
}

// Where everybody may come in, a token still means what it was made with.
func TestTokensOfAnOpenServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := auth.NewGuard(auth.GuardOptions{Store: newMemory(), Open: true})
		token, _, err := g.MakeToken(t.Context(), auth.Open(), "10", time.Minute, []byte(`{"voice":"joe"}`))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if p := authenticate(t, g, token); p.Kind != auth.KindOpen || string(p.Settings) != `{"voice":"joe"}` {
				t.Errorf("%+v", p)
			}
		}
		if p := authenticate(t, g, "ek_of_nobody"); p.Kind != auth.KindOpen || p.Settings != nil {
			t.Errorf("%+v", p)
		}
		time.Sleep(time.Minute)
		refused(t, g, token, auth.ErrExpired)
	})
}

func TestOpenUntilThereIsAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := auth.NewGuard(auth.GuardOptions{Store: m, Open: true})
		if p := authenticate(t, g, ""); p.Kind != auth.KindOpen || !p.Admin || !g.Open() {
			t.Errorf("%+v", p)
		}
		_, made := makeKey(t, m, auth.Key{User: "kim"})
		time.Sleep(2 * time.Second)
		refused(t, g, "", auth.ErrMissing)
		if err := m.DeleteRecord(t.Context(), "key", made.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		refused(t, g, "", auth.ErrMissing)
		if g.Open() {
			t.Error("it opened again")
		}
		if p := authenticate(t, auth.NewGuard(auth.GuardOptions{Store: m, Insecure: true}), ""); p.Kind != auth.KindOpen {
			t.Errorf("%+v", p)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := auth.NewGuard(auth.GuardOptions{Store: m})
		backendKey, backend := makeKey(t, m, auth.Key{Name: "backend"})
		p := authenticate(t, g, backendKey)
		text, expires, err := g.MakeToken(t.Context(), p, "kim", time.Minute, []byte(`{"voice":"x"}`))
		if err != nil || time.Until(expires) != time.Minute {
			t.Fatalf("%v, %v", expires, err)
		}
		tp := authenticate(t, g, text)
		if tp.User != "kim" || tp.KeyID != backend.ID || tp.Admin || tp.Kind != auth.KindToken || string(tp.Settings) != `{"voice":"x"}` {
			t.Errorf("%+v", tp)
		}
		if tp.May("lee") || tp.Owner() != "user:kim" {
			t.Errorf("%+v may too much", tp)
		}
		for record := range m.records["token"] {
			if strings.Contains(string(m.records["token"][record]), text[16:]) {
				t.Error("the token is kept")
			}
		}
		for _, tt := range []struct {
			p    auth.Principal
			user string
			life time.Duration
			want error
		}{
			{tp, "kim", 0, auth.ErrNoTokens},
			{auth.Principal{Kind: auth.KindJWT, User: "kim"}, "lee", 0, auth.ErrNotUser},
			{p, "kim", time.Second, auth.ErrLife},
			{p, "kim", 3 * time.Hour, auth.ErrLife},
			{auth.Principal{}, "kim", 0, auth.ErrNotUser},
		} {
			if _, _, err := g.MakeToken(t.Context(), tt.p, tt.user, tt.life, nil); !errors.Is(err, tt.want) {
				t.Errorf("%+v for %s: %v, want %v", tt.p, tt.user, err, tt.want)
			}
		}
		short := auth.Principal{Kind: auth.KindJWT, User: "kim", Expires: time.Now().Add(20 * time.Second)}
		if _, expires, err := g.MakeToken(t.Context(), short, "kim", time.Hour, nil); err != nil || time.Until(expires) > 20*time.Second {
			t.Errorf("a token outlives what made it: %v, %v", expires, err)
		}
		refused(t, g, text[:len(text)-1]+"_", auth.ErrInvalid)
		time.Sleep(time.Minute)
		refused(t, g, text, auth.ErrExpired)
		if err := g.Recheck(t.Context(), tp); err != nil {
			t.Errorf("what was opened with a token ends with it: %v", err)
		}
	})
}

func TestTokensOfAForgottenUser(t *testing.T) {
	t.Parallel()
	m := newMemory()
	g := auth.NewGuard(auth.GuardOptions{Store: m})
	var texts []string
	for _, user := range []string{"kim", "lee", "kim"} {
		text, _, err := g.MakeToken(t.Context(), auth.Principal{Kind: auth.KindJWT, User: user}, user, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		authenticate(t, g, text)
		texts = append(texts, text)
	}
	if err := g.ForgetUser(t.Context(), "kim"); err != nil {
		t.Fatal(err)
	}
	refused(t, g, texts[0], auth.ErrInvalid)
	refused(t, g, texts[2], auth.ErrInvalid)
	authenticate(t, g, texts[1])
}

func TestTooManyTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := auth.NewGuard(auth.GuardOptions{Store: newMemory()})
		p := auth.Principal{Kind: auth.KindJWT, User: "kim"}
		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			_, _, err = g.MakeToken(t.Context(), p, "kim", 0, nil)
		}
		if !errors.Is(err, auth.ErrTooMany) || n != 101 {
			t.Errorf("%d tokens at once, then %v", n, err)
		}
		if _, _, err := g.MakeToken(t.Context(), auth.Principal{Kind: auth.KindJWT, User: "lee"}, "lee", 0, nil); err != nil {
			t.Errorf("another one has to wait too: %v", err)
		}
	})
}

// What goes into tokens is kept for hours: it has a bound as well.
func TestTooMuchInTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := auth.NewGuard(auth.GuardOptions{Store: newMemory()})
		p := auth.Principal{Kind: auth.KindJWT, User: "kim"}
		settings := []byte(`"` + strings.Repeat("x", 256<<10-2) + `"`)
		made := 0
		for {
			text, _, err := g.MakeToken(t.Context(), p, "kim", 0, settings)
			if err != nil {
				if !errors.Is(err, auth.ErrTooMany) {
					t.Error(err)
				}
				break
			}
			if who, err := g.Authenticate(t.Context(), text); err != nil || len(who.Settings) != len(settings) {
				t.Errorf("%d bytes of settings, %v", len(who.Settings), err)
			}
			made++
		}
		if made != 16 {
			t.Errorf("4 MiB are %d tokens of 256 KiB", made)
		}
		if _, _, err := g.MakeToken(t.Context(), p, "kim", 0, nil); err != nil {
			t.Errorf("a token with nothing in it has to wait too: %v", err)
		}
		time.Sleep(4 * time.Second)
		if _, _, err := g.MakeToken(t.Context(), p, "kim", 0, settings); err != nil {
			t.Errorf("after a while: %v", err)
		}
		for i := range 200 { // of many users: what is remembered has a bound, and all of them come in
			who := auth.Principal{Kind: auth.KindJWT, User: "user" + strconv.Itoa(i)}
			text, _, err := g.MakeToken(t.Context(), who, who.User, 0, settings)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := g.Authenticate(t.Context(), text); err != nil || len(p.Settings) != len(settings) {
				t.Errorf("%d bytes of settings, %v", len(p.Settings), err)
			}
		}
		if n := g.Remembered(); n > 32<<20 || n < 16<<20 {
			t.Errorf("%d bytes are remembered", n)
		}
	})
}

func TestKeysAreListedAndRevokedOnce(t *testing.T) {
	t.Parallel()
	m := newMemory()
	keys := auth.Keys{Store: m}
	var ids []string
	for i := range 3 {
		_, made := makeKey(t, m, auth.Key{Name: fmt.Sprint(i)})
		ids = append(ids, made.ID)
	}
	first, err := keys.Revoke(t.Context(), ids[1])
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.Revoke(t.Context(), ids[1])
	if err != nil || !again.Revoked.Equal(first.Revoked) {
		t.Errorf("%v, %v; %v", first.Revoked, again.Revoked, err)
	}
	if _, err := keys.Revoke(t.Context(), "nothere"); !errors.Is(err, auth.ErrNoKey) {
		t.Error(err)
	}
	all, err := keys.List(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v", all, err)
	}
	for i := range all {
		want := "good"
		if all[i].ID == ids[1] {
			want = "revoked"
		}
		if got := all[i].State(time.Now()); got != want {
			t.Errorf("%s is %s", all[i].Name, got)
		}
	}
}

func TestCredentialOf(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		authorization []string
		protocols     []string
		want          string
		err           error
	}{
		"nothing":                {nil, nil, "", nil},
		"bearer":                 {[]string{"Bearer abc"}, nil, "abc", nil},
		"any case":               {[]string{"bEARER  abc "}, nil, "abc", nil},
		"basic":                  {[]string{"Basic abc"}, nil, "", auth.ErrInvalid},
		"empty":                  {[]string{"Bearer "}, nil, "", auth.ErrInvalid},
		"twice":                  {[]string{"Bearer a", "Bearer b"}, nil, "", auth.ErrInvalid},
		"subprotocol":            {nil, []string{"sori, sori.key.abc"}, "abc", nil},
		"subprotocols, lines":    {nil, []string{"sori.key.abc", "sori"}, "abc", nil},
		"OpenAI's":               {nil, []string{"realtime, openai-insecure-api-key.abc, openai-beta.realtime-v1"}, "abc", nil},
		"other subprotocols":     {nil, []string{"realtime"}, "", nil},
		"two different ones":     {nil, []string{"sori.key.abc, sori.key.def"}, "", auth.ErrInvalid},
		"header and subprotocol": {[]string{"Bearer abc"}, []string{"sori.key.def"}, "", auth.ErrInvalid},
		"the same twice":         {[]string{"Bearer abc"}, []string{"sori, sori.key.abc"}, "abc", nil},
		"too long":               {[]string{"Bearer " + strings.Repeat("x", 9000)}, nil, "", auth.ErrInvalid},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/ws", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": tt.authorization, "Sec-Websocket-Protocol": tt.protocols}
		if got, err := auth.CredentialOf(r); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for target, want := range map[string]bool{
		"/ws": false, "/ws?model=x&user_id=key": false, "/ws?key=x": true, "/ws?Access_Token=x": true, "/ws?a=b&token=": true,
		"/ws?api-key=x": true, "/ws?client_secret=x": true, "/ws?%6bey=x": true, "/ws?key=%zz": true, "/ws?a=b;jwt=x": true,
		"/ws?model=sori_abcdefabcdef_" + strings.Repeat("A", 43): true, "/ws?ek_abcdefabcdef_" + strings.Repeat("A", 43): true,
		"/ws?model=sori_large": false, "/ws?model=ek_abcdefabcdef_short": false, "/ws?model=%zz": false,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if got := auth.InURL(r); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}
