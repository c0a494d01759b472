package sori_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sori/clients/endpoint"
	"sori/stage"
)

// The engines that compose.yaml names are given in URLs that sori reads.
func TestComposeNamesEnginesThatSoriReads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Environment map[string]string `yaml:"environment"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	fallbacks := regexp.MustCompile(`\$\{\w+:-([^}]*)\}`) // what compose takes where a variable is not set
	checked := 0
	for service, s := range file.Services {
		for _, name := range []stage.Name{stage.ATOT, stage.TTOT, stage.TTS} {
			key := "SORI_" + strings.ToUpper(string(name))
			spec, ok := s.Environment[key]
			if !ok {
				continue
			}
			checked++
			if _, err := endpoint.Parse(name, fallbacks.ReplaceAllString(spec, "$1"), nil); err != nil {
				t.Errorf("service %s, %s: %v", service, key, err)
			}
		}
	}
	if checked < 3 {
		t.Errorf("compose.yaml sets %d engines, want one for each of the three stages", checked)
	}
}

// What the manifests and their guide rely on exists: the metric that scales, and
// each flag and variable.
func TestDeploymentNamesWhatExists(t *testing.T) {
	t.Parallel()
	text := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	manifest, unit, guide := text("deploy/kubernetes/sori.yaml"), text("deploy/systemd/sori.service"), text("docs/operations.md")
	metric := regexp.MustCompile(`metric: \{name: (\w+)\}`).FindStringSubmatch(manifest)
	if len(metric) != 2 || !strings.Contains(text("docs/metrics.md"), "| `"+metric[1]+"` |") {
		t.Errorf("the autoscaler asks for %q, which docs/metrics.md does not know", metric)
	}
	var source strings.Builder
	files, err := filepath.Glob("cmd/sori/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") {
			source.WriteString(text(name))
		}
	}
	flags := flagsOfSori(manifest + unit + guide)
	for _, v := range regexp.MustCompile(`SORI_([A-Z_]+)`).FindAllStringSubmatch(manifest+unit+guide, -1) {
		flags = append(flags, []string{v[0], strings.ReplaceAll(strings.ToLower(v[1]), "_", "-")})
	}
	for name, least := range map[string]int{manifest: 2, unit: 1, guide: 10} {
		if n := len(flagsOfSori(name)); n < least {
			t.Fatalf("%d flags found in %.40q…: is the expression right?", n, name)
		}
	}
	for _, f := range flags {
		if f[1] == "help" { // the parser's own
			continue
		}
		field := ""
		for part := range strings.SplitSeq(f[1], "-") {
			field += strings.ToUpper(part[:1]) + part[1:]
		}
		field = strings.NewReplacer("Url", "URL", "Atot", "ATOT", "Ttot", "TTOT", "Tts", "TTS", "Tls", "TLS", "Jwt", "JWT", "Jwks", "JWKS").Replace(field)
		if !regexp.MustCompile(`(?m)^\s*` + field + `\s+[\w.\[\]*]+\s+`).MatchString(source.String()) {
			t.Errorf("%s: cmd/sori has no field %s for it", f[0], field)
		}
	}
}

// flagsOfSori finds the flags of sori that a text names, comments included: all
// but those of the other programs that it calls.
func flagsOfSori(text string) (flags [][]string) {
	others := regexp.MustCompile(`^\W*(kubectl|sudo|go test)\b`)
	for line := range strings.Lines(text) {
		if others.MatchString(line) {
			_, line, _ = strings.Cut(line, " -- ") // what kubectl runs is sori's
		}
		flags = append(flags, regexp.MustCompile(`(?:^|[\s\x60(])--([a-z][a-z-]+)`).FindAllStringSubmatch(line, -1)...)
	}
	return flags
}
