package bench_test

import (
	"os"
	"strings"
	"testing"

	"sori/bench"
)

// Every scenario stands in the documentation, as what to type.
func TestScenariosAreDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range bench.Scenarios() {
		if !strings.Contains(string(doc), "| `"+s.Name+"` |") {
			t.Errorf("docs/performance.md has no row for the scenario %s", s.Name)
		}
		if s.About == "" {
			t.Errorf("%s does not say what it measures", s.Name)
		}
	}
}
