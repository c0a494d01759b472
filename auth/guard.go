package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// fresh is how long what the store said of a credential is taken for true: a
	// key that was revoked is good for so long, and no longer.
	fresh = time.Second
	// stale is how long it is taken for true where the store does not answer. Who
	// can't reach the store can't revoke a key either.
	stale = 5 * time.Minute
	// maxCached and maxCachedBytes bound the credentials that are remembered, and
	// the settings that come with them.
	maxCached      = 10_000
	maxCachedBytes = 32 << 20
	// tokenRate and tokenBurst bound how many tokens an owner makes, a second and
	// at once; settingsRate and settingsBurst, in bytes, what goes into them.
	tokenRate     = 10
	tokenBurst    = 100
	settingsRate  = 64 << 10
	settingsBurst = 4 << 20
)

// Verifier checks a JSON Web Token.
type Verifier interface {
	// Verify gives the principal of a token. Its errors wrap those of this package.
	Verify(ctx context.Context, token string) (Principal, error)
}

// GuardOptions are the choices for a Guard.
type GuardOptions struct {
	Store Store
	JWT   Verifier // nil: JSON Web Tokens are not taken
	// Open lets everybody in while there is no key.
	Open bool
	// Insecure lets everybody in, whatever there is.
	Insecure bool
}

// Guard says who a caller is. It is safe for concurrent use.
type Guard struct {
	o GuardOptions

	mu     sync.Mutex // guards what follows; not held while the store is asked
	cached map[string]seen
	bytes  int // of the records in cached
	makers map[string]maker
	closed bool      // a key was seen: nobody comes in without
	looked time.Time // when the store was last asked whether there is one
	down   time.Time // the store is not asked before, where what is known will do
}

// maker bounds what an owner makes.
type maker struct{ tokens, settings *rate.Limiter }

// seen is what the store said of a record, and when.
type seen struct {
	record []byte
	ok     bool
	at     time.Time
}

// NewGuard makes a guard.
func NewGuard(o GuardOptions) *Guard {
	return &Guard{o: o, cached: make(map[string]seen), makers: make(map[string]maker), closed: !o.Open}
}

// Authenticate gives the principal of a credential; "" is a caller that shows
// none. Its errors wrap those of this package.
func (g *Guard) Authenticate(ctx context.Context, credential string) (Principal, error) {
	if g.o.Insecure || g.open(ctx) {
		return g.letIn(ctx, credential)
	}
	switch {
	case credential == "":
		return Principal{}, ErrMissing
	case strings.HasPrefix(credential, keyPrefix):
		return g.key(ctx, credential)
	case strings.HasPrefix(credential, tokenPrefix):
		return g.token(ctx, credential)
	case g.o.JWT != nil && strings.Count(credential, ".") == 2:
		return g.o.JWT.Verify(ctx, credential)
	default:
		return Principal{}, ErrInvalid
	}
}

// letIn lets everybody in. A session token still brings its settings, and its
// end: whoever tries tokens out sees them as they are.
func (g *Guard) letIn(ctx context.Context, credential string) (Principal, error) {
	p := Open()
	if !strings.HasPrefix(credential, tokenPrefix) {
		return p, nil
	}
	t, err := g.token(ctx, credential)
	if errors.Is(err, ErrExpired) {
		return Principal{}, err
	}
	if err == nil {
		p.Settings = t.Settings
	}
	return p, nil
}

// Open says whether everybody on this machine may come in, because there is no
// key yet. It asks nobody.
func (g *Guard) Open() bool {
	if g.o.Insecure {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.closed
}

// open says whether everybody may come in. The first key that is made ends that,
// within a second and for good.
func (g *Guard) open(ctx context.Context) bool {
	g.mu.Lock()
	if g.closed || time.Since(g.looked) < fresh {
		defer g.mu.Unlock()
		return !g.closed
	}
	g.looked = time.Now()
	g.mu.Unlock()
	keys, err := g.o.Store.Records(ctx, kindKeys)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && len(keys) > 0 {
		g.closed = true
	}
	return !g.closed
}

func (g *Guard) key(ctx context.Context, credential string) (Principal, error) {
	id, secret, ok := split(credential, keyPrefix)
	if !ok {
		return Principal{}, ErrInvalid
	}
	k, err := g.keyOf(ctx, id)
	if err != nil {
		return Principal{}, err
	}
	if !matches(secret, k.Hash) {
		return Principal{}, ErrInvalid
	}
	return k.principal(), k.check(time.Now())
}

// keyOf gives the key of an id, ErrInvalid where there is none.
func (g *Guard) keyOf(ctx context.Context, id string) (Key, error) {
	record, err := g.read(ctx, kindKeys, id)
	if err != nil {
		return Key{}, err
	}
	k, err := decodeKey(id, record)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return k, nil
}

func (g *Guard) token(ctx context.Context, credential string) (Principal, error) {
	id, secret, ok := split(credential, tokenPrefix)
	if !ok {
		return Principal{}, ErrInvalid
	}
	record, err := g.read(ctx, kindTokens, id)
	if err != nil {
		return Principal{}, err
	}
	var t token
	if err := json.Unmarshal(record, &t); err != nil {
		return Principal{}, fmt.Errorf("%w: the record of the token %s is damaged: %w", ErrUnavailable, id, err)
	}
	switch {
	case t.ID != id || !matches(secret, t.Hash):
		return Principal{}, ErrInvalid
	case !time.Now().Before(t.Expires):
		return Principal{}, ErrExpired
	}
	p := t.principal()
	return p, g.Recheck(ctx, p)
}

// Recheck says whether a principal that was let in may stay: whether its key, or
// the key that made its token, is still good. That a token's own time is over
// ends nothing that was opened with it.
func (g *Guard) Recheck(ctx context.Context, p Principal) error {
	if p.KeyID == "" || g.o.Insecure {
		return nil
	}
	k, err := g.keyOf(ctx, p.KeyID)
	if errors.Is(err, ErrInvalid) {
		return fmt.Errorf("%w: it is not there any more", ErrRevoked)
	}
	if err != nil {
		return err
	}
	return k.check(time.Now())
}

// MakeToken makes a session token for a user: settings, which may be nil, are
// what [Principal.Settings] gives back. life 0 is [DefaultTokenLife].
func (g *Guard) MakeToken(ctx context.Context, p Principal, user string, life time.Duration, settings []byte) (text string, expires time.Time, err error) {
	if life == 0 {
		life = DefaultTokenLife
	}
	switch {
	case p.Kind == KindToken:
		return "", time.Time{}, ErrNoTokens
	case !p.Speaks(user):
		return "", time.Time{}, ErrNotUser
	case life < MinTokenLife || life > MaxTokenLife:
		return "", time.Time{}, ErrLife
	case !g.mayMake(p.Owner(), len(settings)):
		return "", time.Time{}, ErrTooMany
	}
	t := token{User: user, KeyID: p.KeyID, Expires: time.Now().Add(life).UTC(), Until: p.Until, Settings: settings}
	if !p.Expires.IsZero() && p.Expires.Before(t.Expires) {
		t.Expires = p.Expires // nothing outlives what it was made with
	}
	var secret string
	t.ID, secret, t.Hash = newSecret()
	record, err := json.Marshal(t)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("auth: make a token: %w", err)
	}
	if err := g.o.Store.PutRecord(ctx, kindTokens, t.ID, record, t.Expires.Add(expiredFor)); err != nil {
		return "", time.Time{}, fmt.Errorf("%w: keep a token: %w", ErrUnavailable, err)
	}
	return tokenPrefix + t.ID + "_" + secret, t.Expires, nil
}

// expiredFor is how long a token that has expired is told apart from one that
// never was.
const expiredFor = time.Hour

func (g *Guard) mayMake(owner string, settings int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, known := g.makers[owner]
	if !known {
		if len(g.makers) >= maxCached {
			clear(g.makers)
		}
		m = maker{rate.NewLimiter(tokenRate, tokenBurst), rate.NewLimiter(settingsRate, settingsBurst)}
		g.makers[owner] = m
	}
	return m.tokens.Allow() && m.settings.AllowN(time.Now(), settings)
}

// ForgetUser removes all session tokens of a user.
func (g *Guard) ForgetUser(ctx context.Context, user string) error {
	records, err := g.o.Store.Records(ctx, kindTokens)
	if err != nil {
		return fmt.Errorf("auth: list the tokens: %w", err)
	}
	for id, record := range records {
		var t token
		if json.Unmarshal(record, &t) != nil || t.User != user {
			continue
		}
		if err := g.o.Store.DeleteRecord(ctx, kindTokens, id); err != nil {
			return fmt.Errorf("auth: remove the token %s: %w", id, err)
		}
		g.mu.Lock()
		g.forget(kindTokens + "/" + id)
		g.mu.Unlock()
	}
	return nil
}

// read gives a record, as fresh as the store allows. ErrInvalid where there is
// none, ErrUnavailable where nobody knows.
func (g *Guard) read(ctx context.Context, kind, id string) ([]byte, error) {
	name := kind + "/" + id
	g.mu.Lock()
	s, known := g.cached[name]
	usable := known && time.Since(s.at) < stale
	ask := !known || time.Since(s.at) >= fresh && (!usable || time.Now().After(g.down))
	g.mu.Unlock()
	if ask {
		record, ok, err := g.o.Store.Record(ctx, kind, id)
		switch {
		case err == nil:
			s = seen{record, ok, time.Now()}
			g.remember(name, s)
		case !usable || ctx.Err() != nil:
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		default:
			g.mu.Lock()
			g.down = time.Now().Add(fresh)
			g.mu.Unlock()
		}
	}
	if !s.ok {
		return nil, ErrInvalid
	}
	return s.record, nil
}

// remember keeps what the store said. What is not there is not remembered: a
// flood of made-up keys would push the real ones out.
func (g *Guard) remember(name string, s seen) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(name)
	if !s.ok {
		return
	}
	for old := range g.cached { // any one: it is read anew when it is needed
		if len(g.cached) < maxCached && g.bytes+len(s.record) <= maxCachedBytes {
			break
		}
		g.forget(old)
	}
	g.cached[name] = s
	g.bytes += len(s.record)
}

// forget removes what is remembered of a name. The guard's mu is held.
func (g *Guard) forget(name string) {
	g.bytes -= len(g.cached[name].record)
	delete(g.cached, name)
}
