package ear_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sori/session/ear"
)

// listen plays a score, one letter a window: '#' speech, '+' soft speech, '.'
// silence. It writes what changed and at which window.
func listen(e *ear.Ear, score string) string {
	names := map[ear.Change]string{ear.Started: "started", ear.Paused: "paused", ear.Resumed: "resumed", ear.Stopped: "stopped"}
	var out []string
	for i, c := range score {
		p := map[rune]float32{'#': 0.9, '+': 0.4, '.': 0.05}[c]
		if ch := e.Hear(p); ch != ear.Nothing {
			out = append(out, fmt.Sprintf("%s@%d", names[ch], i+1))
		}
	}
	return strings.Join(out, " ")
}

func defaults() ear.Settings {
	return ear.Settings{Threshold: ear.DefaultThreshold, MinSpeech: ear.DefaultMinSpeech, Pause: ear.DefaultPause, Silence: ear.DefaultSilence}
}

func TestHear(t *testing.T) {
	t.Parallel()
	dots := func(n int) string { return strings.Repeat(".", n) }
	for name, c := range map[string]struct{ score, want string }{
		"silence":                      {dots(100), ""},
		"a click":                      {"..##.." + dots(30), ""},
		"clicks that are far apart":    {"##......##......##......##......##", ""},
		"speech begins after 150 ms":   {"..#####", "started@7"},
		"a short gap belongs to it":    {"..##.###", "started@8"},
		"speech ends after 500 ms":     {"#####" + dots(16), "started@5 paused@12 stopped@21"},
		"a pause and more speech":      {"#####" + dots(10) + "##" + dots(16), "started@5 paused@12 resumed@16 paused@24 stopped@33"},
		"soft endings hold it":         {"#####" + strings.Repeat("+", 40), "started@5"},
		"soft sounds do not begin it":  {strings.Repeat("+", 40), ""},
		"a second utterance":           {"#####" + dots(20) + "#####", "started@5 paused@12 stopped@21 started@30"},
		"less than a pause is nothing": {"#####.....#####", "started@5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := listen(ear.New(defaults()), c.score); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestPatienceHoldsForOnePause(t *testing.T) {
	t.Parallel()
	e := ear.New(defaults())
	listen(e, "#####.......")
	if !e.Paused() {
		t.Fatal("no pause")
	}
	e.SetPatience(2 * time.Second)
	if got := listen(e, strings.Repeat(".", 55)); got != "" {
		t.Fatalf("with patience of 2 s: %s", got)
	}
	if got := listen(e, "#"+strings.Repeat(".", 16)); got != "resumed@1 paused@8 stopped@17" {
		t.Errorf("after more speech: %s", got)
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	e := ear.New(defaults())
	if e.End() != ear.Nothing {
		t.Error("an end without speech is something")
	}
	listen(e, "#####")
	if e.End() != ear.Stopped || e.Speaking() {
		t.Error("frames that stop arriving do not end the speech")
	}
}

func TestOnset(t *testing.T) {
	t.Parallel()
	e := ear.New(defaults())
	listen(e, strings.Repeat(".", 50)+"##.###")
	if got, want := e.Onset(), 6*ear.Window; got != want {
		t.Errorf("speech began %v ago, want %v", got, want)
	}
}

// Whatever is heard: started and stopped take turns, pauses lie between them.
func TestRandomSounds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		e := ear.New(defaults())
		speaking, paused := false, false
		p := float32(0)
		for range 2000 {
			if rng.IntN(8) == 0 {
				p = rng.Float32()
			}
			switch c := e.Hear(p); c {
			case ear.Started:
				if speaking {
					t.Fatalf("seed %d: started twice", seed)
				}
				speaking, paused = true, false
			case ear.Paused, ear.Resumed:
				if !speaking || paused == (c == ear.Paused) {
					t.Fatalf("seed %d: change %v while speaking %v, paused %v", seed, c, speaking, paused)
				}
				paused = c == ear.Paused
			case ear.Stopped:
				if !speaking || e.Quiet() < ear.DefaultSilence {
					t.Fatalf("seed %d: stopped after %v of silence", seed, e.Quiet())
				}
				speaking = false
			case ear.Nothing:
			}
			if e.Speaking() != speaking {
				t.Fatalf("seed %d: Speaking is %v", seed, e.Speaking())
			}
		}
	}
}

func TestHearAllocatesNothing(t *testing.T) {
	e := ear.New(defaults())
	if n := testing.AllocsPerRun(100, func() { e.Hear(0.7) }); n != 0 {
		t.Errorf("%v allocations a window", n)
	}
}
