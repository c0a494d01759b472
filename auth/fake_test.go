package auth_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sori/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store in memory, which a test can break.
type memory struct {
	mu      sync.Mutex
	records map[string]map[string][]byte
	asked   int
	broken  bool
}

var errBroken = errors.New("the store is broken")

func newMemory() *memory { return &memory{records: make(map[string]map[string][]byte)} }

func (m *memory) lock() (func(), error) {
	m.mu.Lock()
	m.asked++
	if m.broken {
		m.mu.Unlock()
		return nil, errBroken
	}
	return m.mu.Unlock, nil
}

func (m *memory) PutRecord(_ context.Context, kind, id string, record []byte, _ time.Time) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if m.records[kind] == nil {
		m.records[kind] = make(map[string][]byte)
	}
	m.records[kind][id] = record
	return nil
}

func (m *memory) Record(_ context.Context, kind, id string) (record []byte, ok bool, err error) {
	unlock, err := m.lock()
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	record, ok = m.records[kind][id]
	return record, ok, nil
}

func (m *memory) Records(_ context.Context, kind string) (map[string][]byte, error) {
	unlock, err := m.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return maps.Clone(m.records[kind]), nil
}

func (m *memory) DeleteRecord(_ context.Context, kind, id string) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	delete(m.records[kind], id)
	return nil
}

func (m *memory) breakDown(broken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = broken
}

func (m *memory) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// makeKey makes a key and gives its text.
func makeKey(t *testing.T, m *memory, k auth.Key) (string, auth.Key) {
	t.Helper()
	text, made, err := auth.Keys{Store: m}.Make(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return text, made
}

func authenticate(t *testing.T, g *auth.Guard, credential string) auth.Principal {
	t.Helper()
	p, err := g.Authenticate(t.Context(), credential)
	if err != nil {
		t.Fatalf("not let in: %v", err)
	}
	return p
}

func refused(t *testing.T, g *auth.Guard, credential string, want error) {
	t.Helper()
	if p, err := g.Authenticate(t.Context(), credential); !errors.Is(err, want) {
		t.Errorf("%.20q…: %+v, %v; want %v", credential, p, err, want)
	}
}
