package child

import (
	"context"
	"time"
)

// readySoon is how often a process that loads is asked whether it is ready.
const readySoon = 250 * time.Millisecond

// attend waits for the end of the process, which it brings about when the
// process answers nobody any more.
func (c *Child) attend(ctx context.Context, p *process) error {
	watching, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(watching, p)
	}()
	err := p.wait()
	stop()
	<-watched
	return err
}

// watch kills the process once it has given no answer for Options.Hung. A
// process that is only busy answers in that time: its health page takes no work.
// It gives way to the server once it is ready. What the page says is for
// Options.Heard.
func (c *Child) watch(ctx context.Context, p *process) {
	heard := time.Now()
	every, loading := c.o.Hung/4, true
	for {
		pause := every
		if loading {
			pause = min(every, readySoon)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		page, answered, err := c.ask(ctx, every)
		if answered {
			heard = time.Now()
			if err != nil {
				continue
			}
			if loading {
				loading = false
				c.giveWay(ctx, p)
			}
			if c.o.Heard != nil {
				c.o.Heard(page)
			}
			continue
		}
		if ctx.Err() != nil || time.Since(heard) < c.o.Hung {
			continue
		}
		c.o.Log.WarnContext(ctx, "the engine process answers nobody, it is killed and started again", "took_ms", time.Since(heard).Milliseconds())
		_ = p.cmd.Process.Kill() // it may have ended by itself
		return
	}
}
