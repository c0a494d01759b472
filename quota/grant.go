package quota

import (
	"context"
	"time"
)

// Grant is one session's permission to use what its user and its key may. Any
// number of goroutines may use it. A nil Grant allows everything.
type Grant struct {
	book     *Book
	accounts []*account
	open     bool // guarded by book.mu
}

// Open asks for a session of a user who came with a key; key is "" where there
// is none. The error is an [*LimitError], or ctx's. A ledger that does not answer
// stands in nobody's way.
func (b *Book) Open(ctx context.Context, user, key string) (*Grant, error) {
	g, err := b.Look(ctx, user, key)
	if g == nil || err != nil {
		return g, err
	}
	if err := g.enter(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// enter takes a place in all of the grant's accounts, or gives the grant back.
func (g *Grant) enter(ctx context.Context) error {
	for i, a := range g.accounts {
		if err := g.book.enter(ctx, a); err != nil {
			g.book.leave(g.accounts[:i])
			g.forget()
			return err
		}
	}
	g.open = true
	return nil
}

// OpenKey is Open for a session whose user is not known yet: it takes a place of
// the key alone. [Grant.Join] takes the user's.
func (b *Book) OpenKey(ctx context.Context, key string) (*Grant, error) {
	g, err := b.look(ctx, nil, key)
	if g == nil || err != nil {
		return g, err
	}
	if err := g.enter(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// Join takes a place of the user, too, for a grant of OpenKey. The error is an
// [*LimitError], or ctx's; the grant is as it was then.
func (g *Grant) Join(ctx context.Context, user string) error {
	if g == nil {
		return nil
	}
	more, err := g.book.look(ctx, &user, "")
	if err != nil {
		return err
	}
	if err := more.enter(ctx); err != nil {
		return err
	}
	g.book.mu.Lock()
	joined := g.open
	if joined {
		g.accounts = append(g.accounts, more.accounts...)
	}
	g.book.mu.Unlock()
	if !joined { // it was closed meanwhile
		more.Close()
	}
	return nil
}

// Look is Open for what is no session: a single request. It takes no place.
func (b *Book) Look(ctx context.Context, user, key string) (*Grant, error) {
	return b.look(ctx, &user, key)
}

// look gives a grant of a user, if that is known, and a key, if there is one.
func (b *Book) look(ctx context.Context, user *string, key string) (*Grant, error) {
	if b == nil {
		return nil, nil //nolint:nilnil // a nil grant allows everything
	}
	g := &Grant{book: b}
	b.mu.Lock()
	if user != nil && !b.opts.User.none() {
		g.accounts = append(g.accounts, b.account(userAccount(*user), b.opts.User))
	}
	if key != "" && !b.opts.Key.none() {
		g.accounts = append(g.accounts, b.account(keyAccount(key), b.opts.Key))
	}
	fresh := make([]bool, len(g.accounts))
	for i, a := range g.accounts {
		a.grants++
		fresh[i] = a.heard.IsZero()
	}
	b.mu.Unlock()
	for i, a := range g.accounts {
		if !fresh[i] {
			continue
		}
		if user != nil && a.limits.Bytes > 0 && a.name == userAccount(*user) {
			b.measure(ctx, a, *user)
		}
		wait, cancel := context.WithTimeout(ctx, openTime)
		_, _ = b.sync(wait, a, 0) // a ledger that is away was logged
		cancel()
	}
	if err := ctx.Err(); err != nil {
		g.forget()
		return nil, err
	}
	return g, nil
}

// measure counts what is kept of a user anew.
func (b *Book) measure(ctx context.Context, a *account, user string) {
	if b.opts.Stored == nil {
		return
	}
	n, err := b.opts.Stored(ctx, user)
	if err != nil {
		b.opts.Log.WarnContext(ctx, "what is kept of a user can't be measured, the last count is believed", "error", err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a.bytes, a.untold.Bytes, a.untold.Set, a.dirty = n, n, true, true
}

// enter takes a place for a session.
func (b *Book) enter(ctx context.Context, a *account) error {
	limit := a.limits.Sessions
	over := &LimitError{Name: Sessions, Limit: int64(limit), Retry: sessionTry}
	b.mu.Lock()
	if limit > 0 && a.sessions >= limit {
		b.mu.Unlock()
		return over
	}
	a.sessions++
	b.mu.Unlock()
	if limit == 0 {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	refused, err := b.sync(wait, a, limit)
	b.mu.Lock()
	defer b.mu.Unlock()
	if refused || err != nil && a.sessions+a.elsewhere > limit {
		a.sessions--
		return over
	}
	return nil
}

// leave gives places back.
func (b *Book) leave(accounts []*account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range accounts {
		a.sessions--
		a.dirty = true
	}
	b.hurry()
}

// forget ends the grant's use of its accounts.
func (g *Grant) forget() {
	g.book.mu.Lock()
	defer g.book.mu.Unlock()
	for _, a := range g.accounts {
		a.grants--
	}
	g.accounts = nil
}

// Close gives the session's place back. Later uses of the grant count nothing.
func (g *Grant) Close() {
	if g == nil {
		return
	}
	g.book.mu.Lock()
	open, accounts := g.open, g.accounts
	g.open = false
	g.book.mu.Unlock()
	if open {
		g.book.leave(accounts)
	}
	g.forget()
}

// Check says whether a turn may begin now: nil, or which limit stands against it.
func (g *Grant) Check() *LimitError {
	if g == nil {
		return nil
	}
	g.book.mu.Lock()
	defer g.book.mu.Unlock()
	now := time.Now()
	var worst *LimitError
	for _, a := range g.accounts {
		for _, s := range a.states(now) {
			if s.Window > 0 && s.Remaining == 0 && (worst == nil || s.Reset > worst.Retry) {
				worst = &LimitError{Name: s.Name, Limit: s.Limit, Retry: s.Reset}
			}
		}
	}
	return worst
}

// Turn counts a turn, of which so much speech was heard.
func (g *Grant) Turn(heard time.Duration) { g.use(1, heard) }

// Spoken counts speech beyond what Turn was told of: of a reply, or heard later.
func (g *Grant) Spoken(d time.Duration) { g.use(0, d) }

func (g *Grant) use(turns int64, d time.Duration) {
	if g == nil {
		return
	}
	g.book.mu.Lock()
	defer g.book.mu.Unlock()
	now := time.Now()
	for _, a := range g.accounts {
		a.turns.add(turns, TurnWindow, now)
		a.audio.add(int64(d), AudioWindow, now)
		a.untold.Turns += turns
		a.untold.Audio += d
		a.dirty = true
	}
	g.book.hurry()
}

// States tells how far each limit is used: where user and key are both limited,
// the one of which less is left.
func (g *Grant) States() []State {
	if g == nil {
		return nil
	}
	g.book.mu.Lock()
	defer g.book.mu.Unlock()
	now := time.Now()
	var all []State
	for _, a := range g.accounts {
	next:
		for _, s := range a.states(now) {
			for i := range all {
				if all[i].Name == s.Name {
					if s.Remaining < all[i].Remaining {
						all[i] = s
					}
					continue next
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// states tells how far the account's limits are used. The book's mu is held.
func (a *account) states(now time.Time) []State {
	all := make([]State, 0, 4)
	if n := int64(a.limits.Sessions); n > 0 {
		all = append(all, State{Name: Sessions, Limit: n, Remaining: max(0, n-int64(a.sessions+a.elsewhere))})
	}
	a.turns.add(0, TurnWindow, now)
	if n := int64(a.limits.Turns); n > 0 {
		all = append(all, State{Name: Turns, Limit: n, Remaining: max(0, n-a.turns.amount), Reset: a.turns.left(now), Window: TurnWindow})
	}
	a.audio.add(0, AudioWindow, now)
	if d := a.limits.Audio; d > 0 {
		left := max(0, d-time.Duration(a.audio.amount))
		seconds := int64(left / time.Second)
		if left > 0 {
			seconds = max(1, seconds)
		}
		all = append(all, State{Name: Audio, Limit: int64(d / time.Second), Remaining: seconds, Reset: a.audio.left(now), Window: AudioWindow})
	}
	if n := a.limits.Bytes; n > 0 {
		all = append(all, State{Name: Bytes, Limit: n, Remaining: max(0, n-a.bytes)})
	}
	return all
}
