package bench

import (
	"context"
	"runtime"
	"strconv"
	"time"
)

// schedule calls send for each speaker once a period, spread over it, until d is
// over: for all n, speaker i is due at the beginning + (n + i/speakers) periods.
// One thread does it, so that a thousand speakers cost no thousand timers.
func (c *crew) schedule(ctx context.Context, period, d time.Duration, send func(s *speaker, n int, due time.Time)) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		began := time.Now()
		for n := 0; ; n++ {
			for i, s := range c.all {
				due := began.Add(time.Duration(n)*period + time.Duration(i)*period/time.Duration(len(c.all)))
				if due.Sub(began) >= d || ctx.Err() != nil {
					return
				}
				if wait := time.Until(due); wait > 0 {
					nap(max(wait, 100*time.Microsecond))
				}
				send(s, n, due)
			}
		}
	}()
	<-done
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// probeEvery is how many frames of a speaker come between two pings.
const probeEvery = 100

// probed appends a ping that holds when the frame before it was due.
func (c *crew) probed(dst, frame []byte, due time.Time) []byte {
	dst = append(dst, frame...)
	text := make([]byte, 0, 64)
	text = append(text, `{"type":"ping","id":"`...)
	text = strconv.AppendInt(text, due.UnixNano(), 10)
	text = append(text, `"}`...)
	c.pings.Add(1)
	if c.counts.Load() {
		c.own.add(time.Since(due))
	}
	return appendFrame(dst, opText, text)
}

// speakOn lets all speakers speak without end for d. The frames are of ms
// milliseconds each.
func (c *crew) speakOn(ctx context.Context, frames [][]byte, ms int, d time.Duration) error {
	scratch := make([]byte, 0, 8<<10)
	every := max(1, probeEvery*frameMS/ms)
	return c.schedule(ctx, time.Duration(ms)*time.Millisecond, d, func(s *speaker, n int, due time.Time) {
		frame := frames[(n+s.at)%len(frames)]
		if (n+s.at)%every == 0 && !c.silent {
			scratch = c.probed(scratch[:0], frame, due)
			frame = scratch
		}
		if c.counts.Load() {
			c.frames.Add(1)
		}
		s.write(frame)
	})
}

// scatter lets each speaker begin at another place of the speech, so that not
// all ping at once.
func (c *crew) scatter() {
	for i, s := range c.all {
		s.at = i * 37
	}
}
