package telemetry_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sori/session"
	"sori/telemetry"
)

// described gives the names and labels of everything that can be measured,
// whether or not anything was. cmd/sori adds gauges of its own; they are added
// here under the names that the documentation has.
func described(t *testing.T) map[string][]string {
	t.Helper()
	m := telemetry.New("test", nil)
	for _, name := range gauges(t) {
		m.Gauge(name, "as in cmd/sori", func() float64 { return 0 })
	}
	collector, ok := m.Gatherer().(prometheus.Collector)
	if !ok {
		t.Fatal("the registry can't be described")
	}
	ch := make(chan *prometheus.Desc)
	go func() {
		defer close(ch)
		collector.Describe(ch)
	}()
	desc := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	all := map[string][]string{}
	for d := range ch {
		found := desc.FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("the library describes a metric as %s", d)
		}
		all[found[1]] = nil
		if found[2] != "" {
			all[found[1]] = strings.Split(found[2], ",")
		}
	}
	return all
}

// gauges gives the names of the gauges that cmd/sori adds.
func gauges(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../cmd/sori/watch.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`Gauge\("(sori_[a-z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		t.Fatal("cmd/sori/watch.go adds no gauges")
	}
	return names
}

func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(sori_[a-z_]+)` \\| [a-z]+ \\|([^|]*)\\|").FindAllStringSubmatch(string(doc), -1) {
		told[m[1]] = regexp.MustCompile("[a-z]+").FindAllString(m[2], -1)
	}
	there := described(t)
	for name, labels := range there {
		if !strings.HasPrefix(name, "sori_") {
			continue
		}
		if got, ok := told[name]; !ok {
			t.Errorf("docs/metrics.md does not tell of %s", name)
		} else if strings.Join(got, ",") != strings.Join(labels, ",") {
			t.Errorf("docs/metrics.md gives %s the labels %v, and it has %v", name, got, labels)
		}
	}
	for name := range told {
		if _, ok := there[name]; !ok {
			t.Errorf("docs/metrics.md tells of %s, which is not there", name)
		}
	}
	for _, why := range session.DropReasons() {
		if !strings.Contains(string(doc), "\n| `"+string(why)+"` | ") {
			t.Errorf("docs/metrics.md does not tell why audio is dropped as %s", why)
		}
	}
}

// TestDashboardAsksForMetricsThatAreThere also finds a metric that nobody looks
// at.
func TestDashboardAsksForMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/grafana/sori.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	there := described(t)
	selector := regexp.MustCompile(`\b((?:sori|go|process)_[a-z_]+)\{`)
	grouping := regexp.MustCompile(`\bby \(([^)]*)\)`)
	asked := map[string]bool{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			found := selector.FindAllStringSubmatch(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("the panel %q asks for no metric: %s", p.Title, target.Expr)
			}
			for _, m := range found {
				asked[m[1]] = true
				labels, ok := there[m[1]]
				if !ok {
					t.Errorf("the panel %q asks for %s, which is not there", p.Title, m[1])
					continue
				}
				known := "instance job " + strings.Join(labels, " ")
				for _, by := range grouping.FindAllStringSubmatch(target.Expr, -1) {
					for label := range strings.SplitSeq(by[1], ",") {
						if label = strings.TrimSpace(label); !strings.Contains(" "+known+" ", " "+label+" ") {
							t.Errorf("the panel %q groups %s by %s, which it does not have", p.Title, m[1], label)
						}
					}
				}
			}
		}
	}
	for name := range there {
		if strings.HasPrefix(name, "sori_") && !asked[name] && name != "sori_build_info" && name != "sori_history_waiting_bytes" {
			t.Errorf("no panel shows %s", name)
		}
	}
}
