package server

import (
	"context"
	"encoding/binary"
	"time"

	"sori/audio"
)

// How a recording is cut at its pauses. What the voice detector is asked of is a
// window of 512 samples, 32 ms.
const (
	stretchWindow  = 512                    // samples
	stretchSpeech  = 0.5                    // probability
	stretchSure    = 3                      // so many windows of speech make a stretch
	stretchPause   = 600 * time.Millisecond // ends a stretch
	stretchEdge    = 200 * time.Millisecond // kept around a stretch
	stretchLong    = 20 * time.Second       // from here on a short pause ends it, too
	stretchShort   = 160 * time.Millisecond // such a pause
	stretchLongest = 30 * time.Second       // what an engine is given at once
)

// stretches gives where in a recording somebody speaks, none where nobody does:
// engines invent words for silence. A recording of up to stretchLongest is one
// stretch unless cut is wanted.
func (s *Server) stretches(ctx context.Context, pcm []byte, cut bool) ([]stretch, error) {
	if s.cfg.Engines.NewDetector == nil {
		return []stretch{{to: len(pcm)}}, nil
	}
	d, err := s.cfg.Engines.NewDetector()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	c := cutter{}
	window := make([]int16, stretchWindow)
	for at := 0; at < len(pcm); at += 2 * stretchWindow {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		clear(window)
		for i := range min(stretchWindow, (len(pcm)-at)/2) {
			window[i] = int16(binary.LittleEndian.Uint16(pcm[at+2*i:])) //nolint:gosec // the bits of a sample
		}
		p, err := d.Detect(window)
		if err != nil {
			return nil, err
		}
		c.take(at, p >= stretchSpeech)
	}
	c.end()
	if len(c.parts) > 0 && !cut && len(pcm) <= audio.Bytes(stretchLongest, audio.Rate) {
		return []stretch{{to: len(pcm)}}, nil
	}
	return widen(c.parts, len(pcm)), nil
}

// cutter collects stretches window by window. Positions are in bytes.
type cutter struct {
	parts []stretch

	open     bool
	from, to int // of the open stretch: its first window, and the end of its last one with speech
	voiced   int // windows with speech
}

func (c *cutter) take(at int, speech bool) {
	const size = 2 * stretchWindow
	if !speech {
		pause := stretchPause
		if c.to-c.from >= audio.Bytes(stretchLong, audio.Rate) {
			pause = stretchShort
		}
		if c.open && at+size-c.to >= audio.Bytes(pause, audio.Rate) {
			c.end()
		}
		return
	}
	if !c.open {
		c.open, c.from, c.voiced = true, at, 0
	}
	c.to = at + size
	if c.voiced++; c.to-c.from >= audio.Bytes(stretchLongest-2*stretchEdge, audio.Rate) {
		c.end()
	}
}

func (c *cutter) end() {
	if c.open && c.voiced >= stretchSure {
		c.parts = append(c.parts, stretch{from: c.from, to: c.to})
	}
	c.open = false
}

// widen gives each stretch its edges, as far as they reach without overlapping.
func widen(parts []stretch, size int) []stretch {
	edge := audio.Bytes(stretchEdge, audio.Rate)
	for i := range parts {
		from, to := parts[i].from-edge, parts[i].to+edge
		if i > 0 {
			from = max(from, parts[i-1].to)
		}
		if i+1 < len(parts) {
			to = min(to, (parts[i].to+parts[i+1].from)/4*2)
		}
		parts[i] = stretch{from: max(from, 0), to: min(to, size)}
	}
	return parts
}
