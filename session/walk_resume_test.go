package session_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/session"
)

// Wherever a client's connection breaks, and whenever its process hands the
// session over or dies: over all lives of the session its messages have no gap
// and come once, each turn ends once, what the client was told to forget is never
// asked for again, and everything it said is in one turn. That holds also where
// the heir knows an older state, with what the client says of it.
func TestRandomWalksOfASessionThatMoves(t *testing.T) {
	t.Parallel()
	for seed := range *walks / 2 {
		synctest.Test(t, func(t *testing.T) { wander(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// said is one frame of a client that keeps what it may have to say again.
type said struct {
	seq     uint64
	message protocol.ClientMessage // nil: 20 ms of sound
}

// wanderer is a client, and the session in its present life.
type wanderer struct {
	t     *testing.T
	d     *dice
	o     session.Options
	now   *rig
	all   rig // of all lives, as the client got it
	taken int // of now.got

	last   uint64 // number of the client's newest frame
	kept   []said // frames that were not acknowledged
	acked  uint64
	pushed time.Duration
	behind bool // the process that dies could not note where the session stands for a while
}

func wander(t *testing.T, seed uint64) {
	d := &dice{rng: rand.New(rand.NewPCG(seed, 9))}
	w := &wanderer{t: t, d: d, o: session.Options{
		ID: "s", ResumeKey: "key", Checkpoints: true, MaxUtterance: 2 * time.Second, HighWater: 500 * time.Millisecond,
	}}
	w.now = world(t, d, w.o, nil)
	w.all = rig{t: t, store: w.now.store}
	w.now.configure() // the first message has no number
	present := true
	for range 5 + d.below(40) {
		switch d.below(12) {
		case 0, 1, 2:
			for range d.below(60) {
				w.say(nil)
			}
		case 3, 4:
			w.say(protocol.Commit{})
		case 5:
			w.say(protocol.Text{Text: fmt.Sprintf("typed %d", w.last)})
		case 6:
			w.say(protocol.Cancel{})
		case 7:
			w.be(map[bool]session.Presence{true: session.Left, false: session.Back}[present])
			present = !present
		case 8:
			w.move(d.below(2) == 0)
			present = true
		default:
			time.Sleep(time.Duration(d.below(int(3 * time.Second))))
		}
		w.hear()
	}
	w.be(session.Back)
	settle(10 * time.Hour) // every turn ends, and engines that hang are given up
	w.say(protocol.Clear{})
	settle(time.Minute)
	w.now.end()
	<-w.now.over
	settle(0)
	w.hear()
	w.all.store.turns = w.now.store.turns
	w.all.check()
	w.account()
}

// say sends a frame and keeps it.
func (w *wanderer) say(m protocol.ClientMessage) {
	w.t.Helper()
	w.last++
	f := said{w.last, m}
	w.kept = append(w.kept, f)
	if m == nil {
		w.pushed += 20 * time.Millisecond
	}
	w.push(f)
}

func (w *wanderer) push(f said) {
	w.t.Helper()
	in := session.Input{Seq: f.seq, Message: f.message}
	if f.message == nil {
		in.Audio = audio.NewFrame(640)
		copy(in.Audio.Data, slices.Repeat([]byte{3, 1}, 320))
	}
	if err := w.now.s.Push(w.t.Context(), in); err != nil {
		w.t.Fatalf("push frame %d: %v", f.seq, err)
	}
}

func (w *wanderer) be(p session.Presence) {
	w.t.Helper()
	if err := w.now.s.Push(w.t.Context(), session.Input{Presence: p}); err != nil {
		w.t.Fatalf("push: %v", err)
	}
}

// hear takes in what came: acknowledgements are for the client's library.
func (w *wanderer) hear() {
	w.t.Helper()
	synctest.Wait()
	w.now.mu.Lock()
	defer w.now.mu.Unlock()
	for i := w.taken; i < len(w.now.got); i++ {
		o := w.now.got[i]
		if o.Audio != nil {
			o.Head.MS = 0 // is not said
		}
		ack, ok := o.Event.(protocol.Ack)
		if !ok {
			w.all.got, w.all.size = append(w.all.got, o), append(w.all.size, w.now.size[i])
			continue
		}
		if ack.Received < w.acked || ack.Received > w.last {
			w.t.Fatalf("acknowledged up to %d after %d, of %d", ack.Received, w.acked, w.last)
		}
		w.acked = ack.Received
		w.kept = slices.DeleteFunc(w.kept, func(f said) bool { return f.seq <= w.acked })
	}
	w.taken = len(w.now.got)
}

// move lets another process go on with the session. This one hands it over, or
// dies: then what it does from now on is not seen by anybody.
func (w *wanderer) move(dies bool) {
	w.t.Helper()
	old := w.now
	synctest.Wait()
	turns := len(old.store.turns)
	w.behind = dies && w.d.below(3) == 0
	if dies {
		w.hear()
		old.end()
		w.all.died, w.all.behind = true, w.all.behind || w.behind
	} else {
		w.be(session.Elsewhere)
	}
	<-old.over
	synctest.Wait()
	if dies {
		old.store.turns = old.store.turns[:turns]
		old.got = old.got[:w.taken]
	}
	w.hear()

	st := w.stand(old)
	if w.behind {
		w.tell(&st)
	}
	st.Recover(old.store.turns)
	w.o.Restore = &st
	if st.Settled < w.acked {
		w.t.Fatalf("the heir wants what comes after frame %d, the client was told to forget up to %d", st.Settled, w.acked)
	}
	o := w.o
	o.Restore = &st
	w.now, w.taken = world(w.t, w.d, o, nil, slices.Clone(old.store.turns)...), 0
	next := st.Settled
	for _, f := range w.kept {
		if f.seq <= st.Settled {
			continue
		}
		if next++; f.seq != next {
			w.t.Fatalf("frame %d comes after %d", f.seq, next-1)
		}
		w.push(f)
	}
	if next != w.last && len(w.kept) > 0 {
		w.t.Fatalf("the last frame is %d, the client said %d", next, w.last)
	}
}

// stand is where the session stands, as an heir finds it: from the last state,
// the messages after it, and history.
func (w *wanderer) stand(old *rig) (st session.State) {
	w.t.Helper()
	noted := old.got
	if w.behind {
		noted = noted[:w.d.below(len(noted)+1)]
	}
	from := -1
	for i, o := range noted {
		if o.State != nil {
			from = i
		}
	}
	switch {
	case from >= 0:
		text, err := json.Marshal(noted[from].State)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := json.Unmarshal(text, &st); err != nil {
			w.t.Fatal(err)
		}
	case w.o.Restore != nil:
		st = *w.o.Restore
	}
	for _, o := range noted[from+1:] {
		if o.Audio != nil {
			st.Seq = max(st.Seq, o.Head.Seq)
			continue
		}
		st.Follow(o.Head, o.Event)
	}
	return st
}

// tell lets the heir know what the client knows.
func (w *wanderer) tell(st *session.State) {
	turn, live := 0, ""
	for _, o := range w.all.got {
		st.Seq = max(st.Seq, o.Head.Seq)
		switch e := o.Event.(type) {
		case protocol.TurnStarted:
			turn, live = o.Head.Turn, e.ID
		case protocol.TurnDone, protocol.TurnCancelled, protocol.TurnFailed:
			live = ""
		}
	}
	st.Heed(w.acked, turn, live)
}

// account compares what was said with what is in history.
func (w *wanderer) account() {
	w.t.Helper()
	var used int64
	typed := map[string]int{}
	for _, rec := range w.all.store.turns {
		if rec.Error != nil && rec.Error.Code == "process_lost" {
			continue // what was said for it is said again
		}
		used += rec.InputMS
		if rec.InputMS == 0 {
			typed[rec.ATOTText]++
		}
	}
	for _, c := range find[protocol.Cleared](&w.all) {
		used += c.InputMS
	}
	refused := 0 // of which the client was told
	for _, p := range find[protocol.Problem](&w.all) {
		if p.Code == protocol.ErrTooManyTurns {
			refused++
		}
	}
	if used != w.pushed.Milliseconds() && refused == 0 {
		w.t.Errorf("%d ms of audio pushed, %d in turns and cleared", w.pushed.Milliseconds(), used)
	}
	for text, n := range typed {
		if n != 1 {
			w.t.Errorf("%q is in %d turns", text, n)
		}
	}
}
