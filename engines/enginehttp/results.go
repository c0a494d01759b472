package enginehttp

import (
	"container/list"
	"crypto/rand"
	"sync"
	"time"
)

// result is a user's latest transcript.
type result struct {
	UserID   userID `json:"user_id"`
	InputWAV string `json:"input_wav"`
	Text     string `json:"atot_text"`
}

// results keeps the latest transcript of so many users for so long.
type results struct {
	limit int
	ttl   time.Duration

	mu    sync.Mutex // guards what follows
	byID  map[string]*list.Element
	order *list.List // of *kept, latest first
}

type kept struct {
	result

	user string
	at   time.Time
}

func newResults(limit int, ttl time.Duration) *results {
	return &results{limit: limit, ttl: ttl, byID: map[string]*list.Element{}, order: list.New()}
}

func (rs *results) put(user string, r result) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if e, ok := rs.byID[user]; ok {
		rs.order.Remove(e)
	}
	rs.byID[user] = rs.order.PushFront(&kept{r, user, time.Now()})
	for rs.order.Len() > rs.limit {
		rs.drop(rs.order.Back())
	}
}

func (rs *results) get(user string) (result, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	e, ok := rs.byID[user]
	if !ok {
		return result{}, false
	}
	k, _ := e.Value.(*kept)
	if time.Since(k.at) > rs.ttl {
		rs.drop(e)
		return result{}, false
	}
	return k.result, true
}

func (rs *results) drop(e *list.Element) {
	k, _ := rs.order.Remove(e).(*kept)
	delete(rs.byID, k.user)
}

// uploads keeps the latest recordings, up to so many bytes of them.
type uploads struct {
	limit int

	mu    sync.Mutex // guards what follows
	files map[string][]byte
	order []string // oldest first
	bytes int
}

func newUploads(limit int) *uploads {
	return &uploads{limit: limit, files: map[string][]byte{}}
}

// put keeps a WAV file, and gives the name that it is asked for by: long enough
// that nobody guesses it. A file over the limit is not kept, but named.
func (u *uploads) put(wav []byte) (name string) {
	name = rand.Text() + ".wav"
	if len(wav) > u.limit {
		return name
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[name] = wav
	u.order = append(u.order, name)
	u.bytes += len(wav)
	for u.bytes > u.limit {
		oldest := u.order[0]
		u.order = u.order[1:]
		u.bytes -= len(u.files[oldest])
		delete(u.files, oldest)
	}
	return name
}

func (u *uploads) get(name string) ([]byte, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	wav, ok := u.files[name]
	return wav, ok
}
