package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Report is what a run measured.
type Report struct {
	When        time.Time `json:"when"`
	Machine     Machine   `json:"machine"`
	Settings    Settings  `json:"settings"`
	Figures     []Figure  `json:"figures"`
	Foreign     []float64 `json:"foreign_cores"` // CPU that others used, in each measurement
	Notes       []string  `json:"notes,omitempty"`
	Interrupted bool      `json:"interrupted"`
}

// Machine is what it was measured on.
type Machine struct {
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	CPUs     int    `json:"cpus"`
	Go       string `json:"go"`
	Revision string `json:"revision,omitempty"`
}

// Settings are how it was measured.
type Settings struct {
	Duration string `json:"duration"`
	Rounds   int    `json:"rounds"`
	Pinned   bool   `json:"pinned"` // server and speakers have a processor each
	Script   Script `json:"script"`
	Speech   string `json:"speech"`
	Server   string `json:"server,omitempty"`
}

// Figure is one thing that was measured: the median of its rounds.
type Figure struct {
	Scenario string    `json:"scenario"`
	Name     string    `json:"name"`
	Sessions int       `json:"sessions"`
	Unit     string    `json:"unit"`
	Value    float64   `json:"value"`
	Rounds   []float64 `json:"rounds,omitempty"`
	Floor    float64   `json:"floor,omitempty"` // what the machine can do, measured in turns with it
	FloorIs  string    `json:"floor_is,omitempty"`
	Floors   []float64 `json:"floor_rounds,omitempty"`
	Ratio    float64   `json:"ratio,omitempty"` // Value / Floor
	Goal     float64   `json:"goal,omitempty"`  // at most; of the ratio where there is one
	Met      *bool     `json:"met,omitempty"`
}

func newReport(o Options) *Report {
	r := &Report{
		When:     time.Now().UTC(),
		Machine:  Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version()},
		Settings: Settings{Duration: o.Duration.String(), Rounds: o.Rounds, Pinned: o.Pin, Script: o.Script, Speech: o.Speech, Server: o.URL},
	}
	if r.Settings.Speech == "" {
		r.Settings.Speech = "embedded"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				r.Machine.Revision = s.Value
			}
		}
	}
	return r
}

// goal is what a figure is held against; 0 is nothing.
type goal struct {
	atMost  float64
	ofRatio bool
}

// add takes a figure in: its rounds, and those of its floor. One without a round
// was not measured.
func (b *bench) add(n int, name, unit string, rounds []float64, floorIs string, floor []float64, g goal) {
	if len(rounds) == 0 {
		return
	}
	f := Figure{
		Scenario: b.current, Name: name, Sessions: n, Unit: unit, Value: median(rounds), Rounds: rounds,
		FloorIs: floorIs, Floor: median(floor), Floors: floor, Goal: g.atMost,
	}
	against := f.Value
	if f.Floor > 0 {
		f.Ratio = f.Value / f.Floor
		if g.ofRatio {
			against = f.Ratio
		}
	}
	if g.atMost > 0 && (!g.ofRatio || f.Floor > 0) {
		f.Met = new(against <= g.atMost)
	}
	b.report.Figures = append(b.report.Figures, f)
	b.tell("      %s", f.line())
}

// note adds a sentence to the report.
func (b *bench) note(format string, args ...any) {
	text := b.current + ": " + fmt.Sprintf(format, args...)
	b.report.Notes = append(b.report.Notes, text)
	b.tell("      %s", text)
}

func (f *Figure) line() string {
	s := fmt.Sprintf("%-46s %10s %s", f.Name, number(f.Value), f.Unit)
	if f.FloorIs != "" && f.Floor > 0 {
		s += fmt.Sprintf("   %s %s   %.2f×", f.FloorIs, number(f.Floor), f.Ratio)
	}
	if f.Met != nil {
		verdict := "met"
		if !*f.Met {
			verdict = "MISSED"
		}
		s += fmt.Sprintf("   goal %s: %s", number(f.Goal), verdict)
	}
	return s
}

// number writes a figure as short as it is exact.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100 || v <= -100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sori bench, %s, %s/%s, %d processors, %s", r.When.Format("2006-01-02 15:04 MST"), r.Machine.OS, r.Machine.Arch, r.Machine.CPUs, r.Machine.Go)
	if r.Machine.Revision != "" {
		fmt.Fprintf(&b, ", %.12s", r.Machine.Revision)
	}
	fmt.Fprintf(&b, "\nmedians of %d rounds of %s; processors are %s\n", r.Settings.Rounds, r.Settings.Duration,
		map[bool]string{true: "pinned: the last one for the server, the first for the rest", false: "shared"}[r.Settings.Pinned])
	scenario := ""
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Scenario != scenario {
			scenario = f.Scenario
			fmt.Fprintf(&b, "\n%s\n", scenario)
		}
		fmt.Fprintf(&b, "  %s\n", f.line())
	}
	if len(r.Foreign) > 0 {
		fmt.Fprintf(&b, "\nCPU that other programs used meanwhile: %.2f cores in the middle, %.2f at most\n", median(r.Foreign), maximum(r.Foreign))
	}
	if maximum(r.Foreign) > disturbed {
		b.WriteString("The machine was not quiet: the ratios are rough, and the tails of times say little.\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if r.Interrupted {
		b.WriteString("The run was interrupted: this is what it had.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// disturbed is how much CPU of others makes a measurement doubtful, in cores.
const disturbed = 0.25

func maximum(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

// JSON writes the report for machines.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// GoBench writes the report as go test -bench does, a line for each round, for
// benchstat.
func (r *Report) GoBench(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: sori/bench\n", r.Machine.OS, r.Machine.Arch)
	for i := range r.Figures {
		f := &r.Figures[i]
		name := strings.NewReplacer(" ", "-", ",", "", "(", "", ")", "").Replace(f.Name)
		unit := strings.NewReplacer(" ", "-").Replace(f.Unit)
		if unit == "" {
			unit = "ratio"
		}
		for _, v := range f.Rounds {
			fmt.Fprintf(&b, "Benchmark%s/%s/sessions=%d 1 %g %s\n", strings.ToUpper(f.Scenario[:1])+f.Scenario[1:], name, f.Sessions, v, unit)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
