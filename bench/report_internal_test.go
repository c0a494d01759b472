package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestReportIsWrittenInThreeWays(t *testing.T) {
	t.Parallel()
	o := Options{Duration: time.Second, Rounds: 3, Script: DefaultScript()}
	b := &bench{Options: o, report: newReport(o), current: "listen"}
	b.Progress = new(strings.Builder)
	b.add(1000, "push to talk, CPU per 1,000 sessions", "cores", []float64{.6, .5, .7}, "coder", []float64{.4, .5, .3}, goal{1.3, true})
	b.add(1000, "lateness p99", "ms", []float64{3, 1, 2}, "", nil, goal{20, false})
	b.add(1000, "never measured", "ms", nil, "", nil, goal{20, false})
	b.report.Interrupted = true
	var table, text, lines strings.Builder
	for _, err := range []error{b.report.Table(&table), b.report.JSON(&text), b.report.GoBench(&lines)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"0.6 cores", "coder 0.4   1.50×   goal 1.3: MISSED", "goal 20.0: met", "interrupted"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, table.String())
		}
	}
	var r Report
	if err := json.Unmarshal([]byte(text.String()), &r); err != nil {
		t.Fatal(err)
	}
	if f := r.Figures[0]; f.Value != .6 || f.Floor != .4 || f.Ratio < 1.49 || f.Ratio > 1.51 || f.Met == nil || *f.Met {
		t.Errorf("first figure in JSON: %+v", f)
	}
	if len(r.Figures) != 2 {
		t.Errorf("what was not measured is in the report: %+v", r.Figures[2:])
	}
	if want := "BenchmarkListen/lateness-p99/sessions=1000 1 3 ms\n"; !strings.Contains(lines.String(), want) {
		t.Errorf("%q is not in the lines of benchmarks:\n%s", want, lines.String())
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	var s samples
	if s.ms(.5) != 0 || median(nil) != 0 {
		t.Error("nothing has a middle")
	}
	for i := range 100 {
		s.add(time.Duration(100-i) * time.Millisecond)
	}
	if s.ms(.5) != 51 || s.ms(.99) != 100 || median([]float64{4, 1, 3, 2}) != 2.5 {
		t.Errorf("p50 %v, p99 %v", s.ms(.5), s.ms(.99))
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		o    Options
		want int
		says string
	}{
		{Options{}, len(Scenarios()) - 1, ""}, // all but the peer
		{Options{Only: []string{"idle", "listen"}}, 2, ""},
		{Options{Only: []string{"peer"}}, 0, "needs --peer COMMAND"},
		{Options{Only: []string{"idel"}}, 0, `no scenario "idel"; there are listen,`},
		{Options{URL: "127.0.0.1:1"}, 2, ""},
		{Options{URL: "127.0.0.1:1", Only: []string{"idle"}}, 0, "leave --url out"},
	} {
		got, err := choose(tt.o)
		if len(got) != tt.want || (tt.says != "") != (err != nil) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %d scenarios, %v", tt.o, len(got), err)
		}
	}
}

func TestSpeech(t *testing.T) {
	t.Parallel()
	pcm, err := speech("")
	if err != nil || len(pcm) != 4*32_000 {
		t.Fatalf("the embedded speech: %d bytes, %v", len(pcm), err)
	}
	if n := len(masked(pcm, frameMS)); n != 200 {
		t.Errorf("%d frames", n)
	}
	if _, err := speech("report.go"); err == nil {
		t.Error("source code is taken for speech")
	}
}
