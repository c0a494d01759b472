package sori_test

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// The table of bounds in docs/architecture.md says what is: each bound stands in
// its file as it is written there, and each test exists.
func TestBoundsAreAsWritten(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	named := regexp.MustCompile(`(?m)^func (Test\w+|Fuzz\w+)\(`)
	walk(t, func(name string) {
		if strings.HasSuffix(name, "_test.go") {
			for _, m := range named.FindAllStringSubmatch(string(read(t, name)), -1) {
				tests[m[1]] = true
			}
		}
	})
	_, section, found := strings.Cut(string(read(t, "docs/architecture.md")), "\n## Bounds\n")
	if !found {
		t.Fatal("docs/architecture.md has no section Bounds")
	}
	rows := 0
	row := regexp.MustCompile(`(?m)^\| [^|]+ \| ([^|]+) \| [^|]+ \| ([^|]*) \|$`)
	bound := regexp.MustCompile("`([^` ]+\\.go)` ((?:`[^`]+`(?:, )?)+)")
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		if m[1] == "bound" || strings.HasPrefix(m[1], "---") {
			continue
		}
		rows++
		in := bound.FindAllStringSubmatch(m[1], -1)
		if len(in) == 0 {
			t.Errorf("no file and bound in %q", m[1])
		}
		for _, b := range in {
			source := string(read(t, path.Clean(b[1])))
			for one := range strings.SplitSeq(b[2], ", ") {
				name, value, _ := strings.Cut(strings.Trim(one, "`"), " = ")
				as := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `(?:\s*=|,)\s*` + regexp.QuoteMeta(value) + `\b`)
				if !as.MatchString(source) {
					t.Errorf("%s does not hold %s = %s", b[1], name, value)
				}
			}
		}
		for one := range strings.SplitSeq(m[2], ", ") {
			if !tests[strings.Trim(one, "`")] {
				t.Errorf("there is no test %s", one)
			}
		}
	}
	if rows < 25 {
		t.Errorf("the table has %d rows", rows)
	}
}
