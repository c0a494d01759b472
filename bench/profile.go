package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profiled writes a profile of a server, if profiles are asked for: its kind is
// "profile" (CPU, taken over d) or "heap". The function that it gives waits for
// it.
func (b *bench) profiled(ctx context.Context, of *child, way, kind string, d time.Duration) (wait func() error) {
	if b.Profiles == "" {
		return func() error { return nil }
	}
	b.profiles++
	name := fmt.Sprintf("%s-%s-%d.%s.pprof", b.current, strings.ReplaceAll(way, " ", "-"), b.profiles, kind)
	path := "/debug/pprof/heap?gc=1"
	if kind == "profile" {
		path = fmt.Sprintf("/debug/pprof/profile?seconds=%d", max(1, int(d.Seconds())))
	}
	done := make(chan error, 1)
	go func() {
		text, err := of.ask(ctx, http.MethodGet, path, d+10*time.Second)
		if err == nil {
			err = os.WriteFile(filepath.Join(b.Profiles, name), []byte(text), 0o600)
		}
		done <- err
	}()
	return func() error { return <-done }
}
