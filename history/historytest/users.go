package historytest

import (
	"slices"
	"strings"
	"testing"

	"sori/history"
)

func testUnknownUser(t *testing.T, s history.Store) {
	t.Helper()
	ctx := limited(t)
	if got := recent(t, s, "nobody", 5); len(got) != 0 {
		t.Errorf("Recent gave %d turns", len(got))
	}
	page, more, err := s.Page(ctx, "nobody", "", 5)
	if err != nil || more || len(page) != 0 {
		t.Errorf("Page: %d turns, more %v, %v", len(page), more, err)
	}
	has, err := s.HasUser(ctx, "nobody")
	if err != nil || has {
		t.Errorf("HasUser: %v, %v", has, err)
	}
	wantIs(t, "DeleteUser", s.DeleteUser(ctx, "nobody"), history.ErrNoUser)
	wantUsers(t, s)
}

func wantUsers(t *testing.T, s history.Store, want ...string) {
	t.Helper()
	got, err := s.UserIDs(limited(t))
	if err != nil {
		t.Fatalf("UserIDs: %v", err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("UserIDs:\ngot  %q\nwant %q", got, want)
	}
}

func testEnsureUser(t *testing.T, s history.Store) {
	t.Helper()
	ctx := limited(t)
	for i, want := range []bool{true, false, false} {
		created, err := s.EnsureUser(ctx, "10")
		if err != nil || created != want {
			t.Fatalf("call %d: created %v, %v", i+1, created, err)
		}
	}
	if has, err := s.HasUser(ctx, "10"); err != nil || !has {
		t.Errorf("HasUser: %v, %v", has, err)
	}
	if got := recent(t, s, "10", 5); len(got) != 0 {
		t.Errorf("a new user has %d turns", len(got))
	}
	appendAll(t, s, Turn("10", 1), Turn("11", 1))
	if created, err := s.EnsureUser(ctx, "11"); err != nil || created {
		t.Errorf("a user made by its first turn: created %v, %v", created, err)
	}
	wantUsers(t, s, "10", "11")
}

func testUserOrder(t *testing.T, s history.Store) {
	t.Helper()
	var want []string
	for i, id := range []string{"m", "a", "z", "10", "9", "B"} {
		want = append(want, id)
		if i%2 == 0 {
			appendAll(t, s, Turn(id, 1))
		} else if _, err := s.EnsureUser(limited(t), id); err != nil {
			t.Fatal(err)
		}
	}
	appendAll(t, s, Turn("m", 2), Turn("9", 2)) // activity doesn't move a user
	wantUsers(t, s, want...)

	// One who leaves and comes back is the newest.
	if err := s.DeleteUser(limited(t), "a"); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, Turn("a", 3))
	wantUsers(t, s, "m", "z", "10", "9", "B", "a")
}

// OddUserIDs are ids that a careless store mixes up, loses or can't address.
func OddUserIDs() []string {
	return []string{
		"", " ", "  ", "0", "00", "10", "10 ", "1e1", "null", "a", "A", "á", "a\u0301",
		"소리", "👩‍👩‍👧", "a/b", "../a", "..", ".", "a\\b", "{", "}", "{}", "{a}", "{a", "a}", "}{", "*", "a*", "?", "[a-z]", "%", "_", "%2F", "a%2Fb",
		"a:b", ":", "a\nb", "\n", "a\rb", "a\tb", "a\x00b", "a\x00", "'", "\"", "';--", "users", "turns", "sori:users", strings.Repeat("x", 127), strings.Repeat("x", 128),
		strings.Repeat("소", 42),
	}
}

func testOddUsers(t *testing.T, s history.Store) {
	t.Helper()
	ctx := limited(t)
	ids := OddUserIDs()
	for i, id := range ids {
		appendAll(t, s, Turn(id, i), Turn(id, i+1000))
	}
	wantUsers(t, s, ids...)
	for i, id := range ids {
		same(t, recent(t, s, id, 10), []history.Turn{Turn(id, i), Turn(id, i+1000)})
		page, more, err := s.Page(ctx, id, Turn(id, i+1000).ID, 10)
		if err != nil || more {
			t.Fatalf("Page of user %q: more %v, %v", id, more, err)
		}
		same(t, page, []history.Turn{Turn(id, i)})
	}
	// Each is deleted without taking another along.
	for i, id := range ids {
		if err := s.DeleteUser(ctx, id); err != nil {
			t.Fatalf("DeleteUser(%q): %v", id, err)
		}
		if has, err := s.HasUser(ctx, id); err != nil || has {
			t.Fatalf("HasUser(%q) after its delete: %v, %v", id, has, err)
		}
		wantUsers(t, s, ids[i+1:]...)
	}
}

func testDelete(t *testing.T, s history.Store) {
	t.Helper()
	ctx := limited(t)
	kept := sequence("11", 3)
	appendAll(t, s, sequence("10", 50)...)
	appendAll(t, s, kept...)
	if err := s.DeleteUser(ctx, "10"); err != nil {
		t.Fatal(err)
	}
	wantIs(t, "the second DeleteUser", s.DeleteUser(ctx, "10"), history.ErrNoUser)
	if got := recent(t, s, "10", 100); len(got) != 0 {
		t.Errorf("%d turns are left", len(got))
	}
	wantUsers(t, s, "11")
	same(t, recent(t, s, "11", 10), kept)

	// A new user of that id starts from nothing: old ids are free again.
	appendAll(t, s, Turn("10", 7))
	same(t, recent(t, s, "10", 100), []history.Turn{Turn("10", 7)})
	wantUsers(t, s, "11", "10")

	// A user without turns can go, too.
	if _, err := s.EnsureUser(ctx, "12"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteUser(ctx, "12"); err != nil {
		t.Error(err)
	}
}
