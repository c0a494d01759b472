package energy

import "fmt"

const (
	gateSNR   = 4.0   // dB over the floor that open the gate
	gateFloor = -40.0 // dBFS: over a louder floor speech may hide, so the model is always asked
	dead      = -75.0 // dBFS: below it there is nothing to hear, whatever the floor
	hold      = 16    // windows, 0.5 s: so long nothing may happen before the gate closes
	replay    = 6     // windows, 0.2 s: what the model hears of the time before the gate opened
	unlikely  = 0.15  // the model must give less than this for the gate to close
)

// Model is what a gate asks: it takes 512 samples at 16,000 Hz and gives the
// probability of speech.
type Model interface {
	Detect(window []int16) (float32, error)
	Reset()
	Close()
}

// Gate asks a model only when something can be heard: in a quiet stream it
// answers 0 by itself, for a hundredth of a model's cost. When sound begins, the
// model first hears what the gate kept from it, so it knows what came before.
// One goroutine uses it at a time.
type Gate struct {
	model Model
	floor floor
	idle  int                   // windows in a row in which nothing happened
	kept  [replay][Window]int16 // the last windows that the model did not hear, a ring
	held  int                   // windows since the model was asked
}

// NewGate puts a gate in front of a model, which it owns from then on.
func NewGate(m Model) *Gate {
	g := &Gate{model: m}
	g.floor.reset()
	return g
}

// Reset forgets what was heard.
func (g *Gate) Reset() {
	g.model.Reset()
	g.floor.reset()
	g.idle, g.held = 0, 0
}

// Close closes the model.
func (g *Gate) Close() { g.model.Close() }

// Detect takes the next 512 samples at 16,000 Hz (32 ms) and gives the
// probability, 0 to 1, that they hold speech.
func (g *Gate) Detect(window []int16) (float32, error) {
	if len(window) != Window {
		return 0, fmt.Errorf("energy: a window of %d samples, want %d", len(window), Window)
	}
	quiet := g.quiet(loudness(window))
	if quiet && g.idle >= hold {
		copy(g.kept[g.held%replay][:], window)
		g.held++
		return 0, nil
	}
	if err := g.catchUp(); err != nil {
		return 0, err
	}
	p, err := g.model.Detect(window)
	if err != nil {
		return 0, err
	}
	if quiet && p < unlikely {
		g.idle++
	} else {
		g.idle = 0
	}
	return p, nil
}

// quiet says that a window is surely no speech, and takes it into the floor.
func (g *Gate) quiet(level float64) bool {
	base := g.floor.level()
	quiet := level < dead || g.floor.known() && base < gateFloor && level < base+gateSNR
	g.floor.hear(level)
	return quiet
}

// catchUp lets the model hear the windows that were kept from it. After a longer
// time its memory is of another moment, so it begins anew.
func (g *Gate) catchUp() error {
	if g.held > replay {
		g.model.Reset()
	}
	for i := max(g.held-replay, 0); i < g.held; i++ {
		if _, err := g.model.Detect(g.kept[i%replay][:]); err != nil {
			return err
		}
	}
	g.held = 0
	return nil
}
