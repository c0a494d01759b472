package child

import (
	"context"
	"time"
)

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
func (c *Child) watch(ctx context.Context, p *process) {
	heard := time.Now()
	every := time.NewTicker(c.o.Hung / 4)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		if answered, _ := c.ask(ctx, c.o.Hung/4); answered {
			heard = time.Now()
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
