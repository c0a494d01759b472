package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/history/recordings"
	"sori/quota"
)

// objects is as much of an S3-compatible store as counting takes: it believes
// every signature.
type objects struct {
	mu  sync.Mutex
	all map[string][]byte
}

func (o *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = make(map[string][]byte)
	}
	key := strings.TrimPrefix(r.URL.Path, "/speech/")
	switch {
	case r.URL.Query().Get("list-type") == "2":
		o.list(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut:
		o.all[key] = unsigned(r)
		w.Header().Set("ETag", `"0"`)
	case r.Method == http.MethodDelete:
		delete(o.all, key)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (o *objects) list(w io.Writer, prefix string) {
	type entry struct {
		Key          string
		Size         int
		LastModified time.Time
	}
	answer := struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []entry
	}{}
	for key, data := range o.all {
		if strings.HasPrefix(key, prefix) {
			answer.Contents = append(answer.Contents, entry{key, len(data), time.Now()})
		}
	}
	slices.SortFunc(answer.Contents, func(a, b entry) int { return strings.Compare(a.Key, b.Key) })
	_ = xml.NewEncoder(w).Encode(answer) // the client may be gone
}

// unsigned is a body without the signatures of its chunks.
func unsigned(r *http.Request) []byte {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		data, _ := io.ReadAll(r.Body) // what is missing is missed by the test
		return data
	}
	var data []byte
	in := bufio.NewReader(r.Body)
	for {
		line, _ := in.ReadString('\n')
		digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, _ := strconv.ParseInt(digits, 16, 32)
		if size == 0 {
			return data
		}
		chunk := make([]byte, size+2) // and the end of its line
		n, _ := io.ReadFull(in, chunk)
		data = append(data, chunk[:max(0, n-2)]...)
	}
}

func (o *objects) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.all)
}

// What is kept of a user in a bucket counts towards the user's bytes, also after a
// start, and no more when it went by its age or with its user.
func TestBytesInABucketAreCounted(t *testing.T) {
	t.Parallel()
	store := &objects{}
	srv := httptest.NewServer(store)
	t.Cleanup(srv.Close)
	b, err := recordings.OpenBucket("s3://speech/kept?endpoint="+srv.URL, recordings.BucketOptions{Getenv: func(string) string { return "key" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	begin := func() *parts {
		p := &parts{serveCmd: &serveCmd{limits: limits{UserBytes: 30_000}}, log: slog.New(slog.DiscardHandler), records: inBucket{b}}
		p.erasers = append(p.erasers, func(ctx context.Context, user string) error { return p.records.DeleteUser(ctx, user) })
		p.openQuotas(t.Context())
		t.Cleanup(func() {
			p.endQuotas()
			p.keeping.Wait()
		})
		return p
	}
	left := func(p *parts, want int64) {
		t.Helper()
		g, err := p.quotas.Look(t.Context(), "10", "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.Close)
		for _, s := range g.States() {
			if s.Name == quota.Bytes && s.Remaining != want {
				t.Errorf("%d bytes are left, want %d", s.Remaining, want)
			}
		}
	}
	turn := 0
	save := func(p *parts, size int) error {
		turn++
		_, err := counted{p.records, p.quotas}.Save(t.Context(), "10", "0195f2c6-0000-7000-8000-00000000000"+strconv.Itoa(turn), "reply", bytes.NewReader(make([]byte, size)))
		return err
	}
	p := begin()
	left(p, 30_000)
	for _, size := range []int{10_000, 12_000} {
		if err := save(p, size); err != nil {
			t.Fatal(err)
		}
	}
	left(p, 8_000)
	p = begin()
	left(p, 8_000)
	if err := save(p, 8_000); err != nil {
		t.Fatal(err)
	}
	if err := save(p, 1_000); err == nil || store.count() != 3 {
		t.Errorf("one more than there is room for: %v, %d are kept", err, store.count())
	}
	if n, err := (expiring{p.records, p.quotas}).Expire(t.Context(), time.Now().Add(time.Hour)); n != 3 || err != nil {
		t.Errorf("%d went by their age: %v", n, err)
	}
	left(p, 30_000)
	if err := save(p, 9_000); err != nil {
		t.Fatal(err)
	}
	left(p, 21_000)
	for _, erase := range p.erasers {
		if err := erase(t.Context(), "10"); err != nil {
			t.Fatal(err)
		}
	}
	left(p, 30_000)
	if n := store.count(); n != 0 {
		t.Errorf("%d recordings are left of who was deleted", n)
	}
}
