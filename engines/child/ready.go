package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxFailures is how many lives in a row may end early before Ready gives up.
const maxFailures = 3

// Ready waits until the process answers GET /health with success. It gives up
// when ctx ends, or when the process ended three times in a row; the process
// is started again and again even then.
func (c *Child) Ready(ctx context.Context) error {
	var last error
	for {
		_, _, err := c.ask(ctx, time.Second)
		if err == nil {
			return nil
		}
		s := c.Status()
		switch {
		case s.Failures >= maxFailures:
			return fmt.Errorf("child: the engine process ended %d times in a row, most recently with %s", s.Failures, s.LastExit)
		case ctx.Err() != nil && s.LastExit != "":
			return fmt.Errorf("child: the engine process is not ready (it ended before with %s): %w", s.LastExit, context.Cause(ctx))
		case ctx.Err() != nil && last != nil:
			return fmt.Errorf("child: the engine process is not ready (%w): %w", last, context.Cause(ctx))
		case ctx.Err() != nil:
			return fmt.Errorf("child: the engine process is not ready: %w", context.Cause(ctx))
		}
		last = err
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		case <-c.done:
			return errors.New("child: closed")
		}
	}
}

// ask asks for the health page once, and waits at most limit. The question waits
// in the backlog while no process is there. answered says that somebody
// answered, whatever it was.
func (c *Child) ask(ctx context.Context, limit time.Duration) (page []byte, answered bool, err error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Host()+"/health", http.NoBody)
	if err != nil {
		return nil, false, fmt.Errorf("make a request: %w", err)
	}
	resp, err := c.asking.Do(req)
	if err != nil {
		return nil, false, err
	}
	page, err = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	err = errors.Join(err, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		return nil, true, fmt.Errorf("its health page says %s", resp.Status)
	}
	return page, true, err
}
