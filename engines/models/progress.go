package models

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

const (
	liveTick  = 200 * time.Millisecond // how often a terminal's line is drawn anew
	plainTick = 10 * time.Second       // how often a log hears that work goes on
)

// progress tells how one bundle comes along. While it runs, its goroutine alone
// writes to out; end waits for it.
type progress struct {
	out   io.Writer
	live  bool
	title string
	whole int64        // bytes to fetch, about
	got   func() int64 // bytes that are there
	began time.Time

	notes chan string   // in: a line to say in between
	stop  chan struct{} // in: closed by end
	gone  chan struct{} // out: closed when the goroutine has ended
}

func startProgress(o Options, dir string, n, of int, b *Bundle) *progress {
	p := &progress{
		out: o.Out, live: o.Live, began: time.Now(), whole: b.Download, got: func() int64 { return fetched(dir, b) },
		title: fmt.Sprintf("[%d/%d] %s (%s)", n, of, b.Title, megabytes(b.Download)),
		notes: make(chan string), stop: make(chan struct{}), gone: make(chan struct{}),
	}
	go p.run()
	return p
}

func (p *progress) run() {
	defer close(p.gone)
	every := plainTick
	if p.live {
		every = liveTick
		fmt.Fprintf(p.out, "%s …", p.title)
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case n := <-p.notes:
			fmt.Fprintf(p.out, "%s%s … %s\n", p.start(), p.title, n)
		case <-t.C:
			s := time.Since(p.began).Round(time.Second)
			if p.live {
				fmt.Fprintf(p.out, "%s%s … %s%s", p.start(), p.title, p.share(), s)
			} else {
				fmt.Fprintf(p.out, "%s … %sstill fetching after %s\n", p.title, p.share(), s)
			}
		}
	}
}

// share says how much is there, "" where that can't be seen: npm fetches into
// a folder of its own.
func (p *progress) share() string {
	got := min(p.got(), p.whole)
	if got == 0 || p.whole == 0 {
		return ""
	}
	return fmt.Sprintf("%d %%, ", got*100/p.whole)
}

// fetched is how many bytes of a bundle are there, be they done or not.
func fetched(dir string, b *Bundle) (sum int64) {
	unfinished, err := filepath.Glob(filepath.Join(escapeGlob(dir), fetchPattern))
	if err != nil {
		return 0
	}
	for _, folder := range append(unfinished, filepath.Join(dir, b.ID)) {
		// What can't be read, or goes meanwhile, is not counted.
		_ = filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil //nolint:nilerr // see above
			}
			if info, err := e.Info(); err == nil {
				sum += info.Size()
			}
			return nil
		})
	}
	return sum
}

// start is what begins a line: on a terminal it takes the drawn one away.
func (p *progress) start() string {
	if p.live {
		return "\r\x1b[K"
	}
	return ""
}

// note says something in between, on a line of its own.
func (p *progress) note(s string) {
	select {
	case p.notes <- s:
	case <-p.gone:
	}
}

// end says how it went and waits for the goroutine.
func (p *progress) end(how string, err error) {
	close(p.stop)
	<-p.gone
	switch took := time.Since(p.began); {
	case err != nil:
		fmt.Fprintf(p.out, "%s%s … failed after %.1f s\n", p.start(), p.title, took.Seconds())
	case how == "done":
		fmt.Fprintf(p.out, "%s%s … done in %.1f s\n", p.start(), p.title, took.Seconds())
	default:
		fmt.Fprintf(p.out, "%s%s … %s\n", p.start(), p.title, how)
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
