package client

import (
	"fmt"
	"testing"
)

func texts(frames []frame) (all []string) {
	for _, f := range frames {
		all = append(all, string(f.data))
	}
	return all
}

// The first message of all has no number; the others have 1, 2, 3 …
func TestBacklogNumbersFrames(t *testing.T) {
	t.Parallel()
	var b backlog
	for _, s := range []string{"configure", "1", "2", "3", "4", "5"} {
		b.add(frame{data: []byte(s)})
	}
	c := &Conn{unsent: b}
	for _, tc := range []struct {
		after uint64
		want  string
	}{{0, "[1 2 3 4 5]"}, {2, "[3 4 5]"}, {4, "[5]"}, {5, "[]"}, {9, "[]"}} {
		if got := fmt.Sprint(texts(c.unsent.after(tc.after))); got != tc.want {
			t.Errorf("after %d: %s, want %s", tc.after, got, tc.want)
		}
	}
	for _, tc := range []struct {
		received uint64
		left     string
		bytes    int
	}{{0, "[1 2 3 4 5]", 5}, {2, "[3 4 5]", 3}, {1, "[3 4 5]", 3}, {4, "[5]", 1}, {9, "[]", 0}} {
		c.forget(tc.received)
		if got := fmt.Sprint(texts(c.unsent.frames)); got != tc.left || c.unsent.bytes != tc.bytes {
			t.Errorf("acknowledged up to %d: %s of %d bytes, want %s", tc.received, got, c.unsent.bytes, tc.left)
		}
	}
	if n := c.forgotten(); n != 5 {
		t.Errorf("it has forgotten up to %d, want 5", n)
	}
	c.unsent.add(frame{data: []byte("6")})
	if got := fmt.Sprint(texts(c.unsent.after(3)), c.unsent.last); got != "[6] 6" {
		t.Errorf("after it has forgotten all: %s", got)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	var b backlog
	b.add(frame{})
	const size, count = 1 << 20, 7
	for n := range count {
		b.add(frame{data: append(make([]byte, size-1), byte(n+1))})
	}
	if len(b.frames) != backlogBytes/size || b.bytes != backlogBytes || b.last != count {
		t.Fatalf("%d frames, %d bytes, the last is %d", len(b.frames), b.bytes, b.last)
	}
	for after, want := range map[uint64]int{0: 4, 3: 4, 5: 2} {
		if got := b.after(after); len(got) != want || got[want-1].data[size-1] != count {
			t.Errorf("after %d: %d frames, want the last %d", after, len(got), want)
		}
	}
	b.add(frame{data: make([]byte, backlogBytes+1)}) // nobody can send that
	if len(b.frames) != 0 || b.bytes != 0 || b.last != count+1 {
		t.Errorf("a frame over the bound leaves %d frames, %d bytes", len(b.frames), b.bytes)
	}
}

// What a resumed session asks for again is kept until it is acknowledged, and
// counting goes on after what the server has.
func TestBacklogResumes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		forgotten, received uint64
		again               string
		last                uint64
	}{
		{0, 0, "[1 2 3 4 5]", 5},
		{2, 3, "[4 5]", 5},
		{2, 5, "[]", 5},
		{4, 2, "[5]", 3}, // a server that does not take the client's word for it
	} {
		var b backlog
		for _, s := range []string{"configure", "1", "2", "3", "4", "5"} {
			b.add(frame{data: []byte(s)})
		}
		b.drop(int(tc.forgotten)) //nolint:gosec // small
		if got := fmt.Sprint(texts(b.resume(tc.received))); got != tc.again || b.last != tc.last || b.bytes != len(b.frames) {
			t.Errorf("%+v: %s, the last is %d, %d bytes", tc, got, b.last, b.bytes)
		}
	}
}
