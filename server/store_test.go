package server_test

import (
	"context"
	"slices"
	"sync"

	"sori/history"
)

// fakeStore keeps turns in memory. A func that is set takes the method's place.
type fakeStore struct {
	mu    sync.Mutex
	ids   []string
	turns map[string][]history.Turn

	userIDs func() ([]string, error)
	recent  func(userID string) ([]history.Turn, error)
	hasUser func(userID string) (bool, error)
}

func (s *fakeStore) append(t history.Turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensure(t.UserID)
	s.turns[t.UserID] = append(s.turns[t.UserID], t)
}

func (s *fakeStore) ensure(id string) bool {
	if s.turns == nil {
		s.turns = make(map[string][]history.Turn)
	}
	if _, ok := s.turns[id]; ok {
		return false
	}
	s.turns[id] = nil
	s.ids = append(s.ids, id)
	return true
}

func (s *fakeStore) EnsureUser(_ context.Context, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ensure(id), nil
}

func (s *fakeStore) HasUser(_ context.Context, id string) (bool, error) {
	if s.hasUser != nil {
		return s.hasUser(id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.turns[id]
	return ok, nil
}

func (s *fakeStore) UserIDs(context.Context) ([]string, error) {
	if s.userIDs != nil {
		return s.userIDs()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids), nil
}

func (s *fakeStore) Recent(_ context.Context, id string, n int) ([]history.Turn, error) {
	if s.recent != nil {
		return s.recent(id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.turns[id]
	return slices.Clone(all[max(0, len(all)-n):]), nil
}

func (s *fakeStore) Page(_ context.Context, id, before string, n int) ([]history.Turn, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.turns[id]
	if before != "" {
		i := slices.IndexFunc(all, func(t history.Turn) bool { return t.ID == before })
		if i < 0 {
			return nil, false, history.ErrNoTurn
		}
		all = all[:i]
	}
	page := slices.Clone(all[max(0, len(all)-n):])
	slices.Reverse(page)
	return page, len(all) > n, nil
}

func (s *fakeStore) DeleteUser(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.turns[id]; !ok {
		return history.ErrNoUser
	}
	delete(s.turns, id)
	s.ids = slices.DeleteFunc(s.ids, func(other string) bool { return other == id })
	return nil
}
