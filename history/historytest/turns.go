package historytest

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"sori/history"
)

func testAppend(t *testing.T, s history.Store) {
	t.Helper()
	want := Turn("10", 1)
	appendAll(t, s, want)
	same(t, recent(t, s, "10", 5), []history.Turn{want})
	if err := s.Ping(limited(t)); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

func testIdempotent(t *testing.T, s history.Store) {
	t.Helper()
	a, b := Turn("10", 1), Turn("10", 2)
	changed := a
	changed.ATOTText = "something else"
	appendAll(t, s, a, b, changed, a)
	same(t, recent(t, s, "10", 5), []history.Turn{a, b})

	// Another user's turn is another turn, whatever its ID.
	other := Turn("11", 1)
	appendAll(t, s, other)
	same(t, recent(t, s, "11", 5), []history.Turn{other})
	same(t, recent(t, s, "10", 5), []history.Turn{a, b})
}

func testOrder(t *testing.T, s history.Store) {
	t.Helper()
	var want []history.Turn
	for _, n := range []int{5, 3, 9, 1, 7} { // neither by id nor by time
		x := Turn("10", n)
		x.SessionID += strconv.Itoa(n) // within a session a store may put late turns where they belong
		want = append(want, x)
	}
	appendAll(t, s, want...)
	same(t, recent(t, s, "10", 10), want)
	newest, more, err := s.Page(limited(t), "10", "", 10)
	if err != nil || more {
		t.Fatalf("Page: more %v, %v", more, err)
	}
	slices.Reverse(newest)
	same(t, newest, want)
}

func testRecent(t *testing.T, s history.Store) {
	t.Helper()
	all := sequence("10", 30)
	appendAll(t, s, all...)
	for _, n := range []int{1, 2, 20, 29, 30, 31, 1000} {
		same(t, recent(t, s, "10", n), all[max(0, 30-n):])
	}
	for _, n := range []int{0, -1} {
		if got := recent(t, s, "10", n); len(got) != 0 {
			t.Errorf("Recent of %d turns gave %d", n, len(got))
		}
	}
}

func sequence(userID string, n int) []history.Turn {
	all := make([]history.Turn, n)
	for i := range all {
		all[i] = Turn(userID, i+1)
	}
	return all
}

func testPage(t *testing.T, s history.Store) {
	t.Helper()
	const count = 25
	ctx := limited(t)
	all := sequence("10", count)
	appendAll(t, s, all...)
	appendAll(t, s, sequence("11", 3)...) // not to be seen
	want := slices.Clone(all)
	slices.Reverse(want)

	for _, size := range []int{1, 7, 24, 25, 26} {
		var got []history.Turn
		before, more := "", true
		for more {
			var page []history.Turn
			var err error
			page, more, err = s.Page(ctx, "10", before, size)
			if err != nil {
				t.Fatalf("Page(%q, %d): %v", before, size, err)
			}
			if len(page) == 0 || len(page) > size || (more && len(page) != size) {
				t.Fatalf("Page(%q, %d) gave %d turns, more %v", before, size, len(page), more)
			}
			got = append(got, page...)
			before = page[len(page)-1].ID
		}
		same(t, got, want)
	}

	// Before the oldest there is nothing, and that is no error.
	page, more, err := s.Page(ctx, "10", all[0].ID, 5)
	if err != nil || more || len(page) != 0 {
		t.Errorf("before the oldest: %d turns, more %v, %v", len(page), more, err)
	}
	if page, _, err = s.Page(ctx, "10", "", 0); err != nil || len(page) != 0 {
		t.Errorf("a page of 0: %d turns, %v", len(page), err)
	}
	_, _, err = s.Page(ctx, "10", "no-such-turn", 5)
	wantIs(t, "Page before an unknown turn", err, history.ErrNoTurn)
	_, _, err = s.Page(ctx, "11", all[20].ID, 5)
	wantIs(t, "Page before another user's turn", err, history.ErrNoTurn)

	// New turns don't move the pages of one who reads.
	first, _, err := s.Page(ctx, "10", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, Turn("10", count+1))
	second, _, err := s.Page(ctx, "10", first[9].ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	same(t, second, want[10:20])
}

func testPageOfDeleted(t *testing.T, s history.Store) {
	t.Helper()
	all := sequence("10", 3)
	appendAll(t, s, all...)
	if err := s.DeleteUser(limited(t), "10"); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Page(limited(t), "10", all[1].ID, 5)
	wantIs(t, "Page of a deleted user", err, history.ErrNoTurn)
}

func testNulls(t *testing.T, s history.Store) {
	t.Helper()
	bare := history.Turn{ID: "bare", UserID: "10", Status: history.Failed}
	appendAll(t, s, bare)
	got := recent(t, s, "10", 1)
	same(t, got, []history.Turn{bare})
	g := got[0]
	if g.InputWAV != nil || g.OutputWAV != nil || g.Error != nil || g.Timings != (history.Timings{}) {
		t.Errorf("a null became something: %+v", g)
	}
	if !g.StartedAt.IsZero() || g.ATOTText != "" {
		t.Errorf("a zero became something: %+v", g)
	}
	empty := ""
	turn := history.Turn{ID: "empty", UserID: "10", InputWAV: &empty}
	appendAll(t, s, turn)
	if g := recent(t, s, "10", 1)[0]; g.InputWAV == nil || *g.InputWAV != "" || g.OutputWAV != nil {
		t.Errorf("an empty path and a null are not told apart: %+v", g)
	}
}

func testText(t *testing.T, s history.Store) {
	t.Helper()
	var want []history.Turn
	for i, text := range []string{
		"안녕하세요, 오늘 날씨 어때요?", "👩‍👩‍👧 🇰🇷", `quotes " ' \ ; -- DROP TABLE turns`,
		"line\r\nline\ttab", "nul \x00 inside", "</script>&\u2028", strings.Repeat("가", 1<<20/3),
	} {
		turn := Turn("10", i+1)
		turn.ATOTText, turn.TTOTText = text, text
		want = append(want, turn)
	}
	appendAll(t, s, want...)
	same(t, recent(t, s, "10", len(want)), want)
}

func testInvalid(t *testing.T, s history.Store) {
	t.Helper()
	for name, turn := range map[string]history.Turn{
		"no ID":        {UserID: "10"},
		"long user id": {ID: "a", UserID: strings.Repeat("x", history.MaxID+1)},
		"too large":    {ID: "a", UserID: "10", TTOTText: strings.Repeat("x", history.MaxRecord)},
	} {
		wantIs(t, name, s.Append(limited(t), turn), history.ErrInvalid)
	}
	_, err := s.EnsureUser(limited(t), "\xff")
	wantIs(t, "EnsureUser of a user id that is not UTF-8", err, history.ErrInvalid)
	users, err := s.UserIDs(limited(t))
	if err != nil || len(users) != 0 {
		t.Errorf("refused turns left users %q, %v", users, err)
	}
}
