package redisconn

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo sends what go-redis has to say to log, at debug level: every error
// reaches the caller anyway. go-redis has one logger for the whole process, and
// prints to standard error (a line for each attempt to connect) until it is
// given another; so the program's main calls this once.
func LogTo(log *slog.Logger) { redis.SetLogger(bridge{log: log}) }

type bridge struct{ log *slog.Logger }

// Printf is what go-redis calls.
func (b bridge) Printf(ctx context.Context, format string, v ...any) {
	if b.log.Enabled(ctx, slog.LevelDebug) {
		b.log.DebugContext(ctx, "redis client", "text", fmt.Sprintf(format, v...))
	}
}
