package session

import "time"

// pacer keeps account of what a client has of a reply and what of it was heard.
// A client plays what it gets at once and in real time, from when it gets it:
// that is the pacing clock. A client that reports its playback knows better.
//
// Owned by the goroutine of Run. Times are of the reply's audio.
type pacer struct {
	lead   time.Duration // how far audio may go out ahead of the voice; 0: as far as it likes
	sent   time.Duration
	ahead  time.Duration // sent and not played yet, at the time of at
	at     time.Time
	paused bool
}

// settle lets the clock run up to now.
func (p *pacer) settle(now time.Time) {
	if !p.paused && !p.at.IsZero() {
		p.ahead = max(0, p.ahead-now.Sub(p.at))
	}
	p.at = now
}

// send notes that d more is with the client.
func (p *pacer) send(now time.Time, d time.Duration) {
	p.settle(now)
	p.sent += d
	p.ahead += d
}

// wait is how long the next audio has to wait.
func (p *pacer) wait(now time.Time) time.Duration {
	if p.lead == 0 {
		return 0
	}
	p.settle(now)
	return max(0, p.ahead-p.lead)
}

// hold stops the clock: the client has paused its playback.
func (p *pacer) hold(now time.Time) {
	p.settle(now)
	p.paused = true
}

// release lets it run on.
func (p *pacer) release(now time.Time) {
	p.settle(now)
	p.paused = false
}

// report takes over what a client says that it played.
func (p *pacer) report(now time.Time, played time.Duration) {
	p.settle(now)
	p.ahead = p.sent - min(max(played, 0), p.sent)
}

// heard is how much of the reply was heard by now.
func (p *pacer) heard(now time.Time) time.Duration {
	p.settle(now)
	return p.sent - p.ahead
}

// alarm is a timer that is made when it is first set. One that does not run costs
// a select nothing.
type alarm struct {
	timer *time.Timer
	runs  bool
}

func (a *alarm) set(d time.Duration) {
	a.runs = true
	if a.timer == nil {
		a.timer = time.NewTimer(d)
		return
	}
	a.timer.Reset(d)
}

// stop says whether the time was running.
func (a *alarm) stop() bool {
	a.runs = false
	return a.timer != nil && a.timer.Stop()
}

// rang is called when its time has come from c.
func (a *alarm) rang() { a.runs = false }

func (a *alarm) c() <-chan time.Time {
	if !a.runs {
		return nil
	}
	return a.timer.C
}
