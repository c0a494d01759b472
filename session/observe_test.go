package session_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/session"
	"sori/stage"
)

// observer notes what it is told. Calls come from many goroutines.
type observer struct {
	mu   sync.Mutex
	told []string
}

func (o *observer) note(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, fmt.Sprintf(format, args...))
}

type spanKey struct{}

func (o *observer) SessionBegan() { o.note("session began") }
func (o *observer) SessionEnded() { o.note("session ended") }
func (o *observer) TurnBegan(ctx context.Context, t session.TurnStart) (context.Context, func(session.TurnEnd)) {
	o.note("turn began: %s", t.Source)
	return context.WithValue(ctx, spanKey{}, t.TurnID), func(e session.TurnEnd) {
		if e.Record == nil {
			o.note("draft abandoned")
			return
		}
		if e.Record.ID != t.TurnID {
			o.note("another turn ended")
		}
		o.note("turn ended: %s %s", e.Record.Status, e.Cancelled)
	}
}

func (o *observer) StageBegan(ctx context.Context, name stage.Name, engine string) (context.Context, session.StageObserver) {
	if ctx.Value(spanKey{}) == nil {
		o.note("a stage without a turn")
	}
	o.note("%s began: %s", name, engine)
	return context.WithValue(ctx, spanKey{}, name), stageObserver{o, name}
}

func (o *observer) Interrupted(verdict string, _ time.Duration) { o.note("interrupted: %s", verdict) }

func (o *observer) Dropped(why session.DropReason, d time.Duration) { o.note("dropped: %s %v", why, d) }
func (o *observer) Blocked()                                        { o.note("blocked") }

type stageObserver struct {
	o    *observer
	name stage.Name
}

func (s stageObserver) First() { s.o.note("%s first", s.name) }
func (s stageObserver) Ended(engine string, failure *stage.Error, wasStopped bool) {
	code := ""
	if failure != nil {
		code = failure.Code
	}
	s.o.note("%s ended: %s %s %t", s.name, engine, code, wasStopped)
}

// has says how often the observer was told something.
func (o *observer) has(what string) int {
	n := 0
	for _, t := range o.told {
		if strings.HasPrefix(t, what) {
			n++
		}
	}
	return n
}

func TestObserverIsToldOfATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, d := &observer{}, deps()
		d.Observer = o
		r := open(t, session.Options{}, d)
		r.frame(slices.Repeat([]byte{1, 0}, 320)) // before configure: 20 ms
		r.configure()
		r.frame([]byte{1, 2, 3})
		r.speak(time.Second)
		r.send(protocol.Clear{})
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		r.end()
		<-r.over
		for _, want := range []string{
			"session began", "dropped: unconfigured 20ms", "dropped: invalid", "dropped: cleared 1s",
			"turn began: speech", "atot began: fake-atot", "atot first", "atot ended: fake-atot  false",
			"ttot first", "ttot ended: fake-ttot  false", "turn ended: done", "session ended",
		} {
			if o.has(want) != 1 {
				t.Errorf("told %d times: %s", o.has(want), want)
			}
		}
		if n := o.has("tts began"); n < 2 || o.has("tts first") != n || o.has("tts ended: fake-tts  false") != n {
			t.Errorf("TTS is asked for each clause: %v", o.told)
		}
		if o.has("a stage without")+o.has("another turn") > 0 {
			t.Errorf("told: %v", o.told)
		}
	})
}

func TestObserverIsToldHowStagesEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, d := &observer{}, deps()
		d.Observer, d.TTS = o, speaks(20*time.Millisecond)
		r := open(t, session.Options{}, d)
		r.configure()
		r.send(protocol.Text{Text: "hi"})
		settle(350 * time.Millisecond)
		r.send(protocol.Cancel{})
		settle(time.Second)
		for _, want := range []string{"turn ended: cancelled client", "tts ended: fake-tts  true", "dropped: reply_cut"} {
			if o.has(want) == 0 {
				t.Errorf("not told: %s, only %v", want, o.told)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		o, d := &observer{}, deps()
		d.Observer = o
		d.ATOT = atot{func(context.Context, stage.Utterance) iter.Seq2[stage.Transcript, error] {
			return failsAtOnce[stage.Transcript](errBroken)
		}}
		r := open(t, session.Options{}, d)
		r.configure()
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Second)
		if o.has("atot ended: fake-atot internal false") != 1 || o.has("turn ended: failed") != 1 {
			t.Errorf("told: %v", o.told)
		}
	})
}
