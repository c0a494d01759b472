package sori_test

import (
	"os"
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
