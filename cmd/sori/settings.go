package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// settings gives flags that are not on the command line their values: from the
// environment first, then from the configuration file.
type settings struct {
	getenv func(string) string
	path   string            // of the file, "" for none
	file   map[string]string // by the flag's name
}

// loadSettings reads the file that --config or SORI_CONFIG names, if any.
func loadSettings(ctx *kong.Context, getenv func(string) string) (*settings, error) {
	s := &settings{getenv: getenv, path: getenv(envName("config"))}
	for _, f := range ctx.Model.Flags {
		if v, ok := ctx.FlagValue(f).(string); ok && f.Name == "config" && v != "" {
			s.path = v
		}
	}
	if s.path == "" {
		return s, nil
	}
	text, err := readBounded(s.path, maxYAML)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no configuration file %s", s.path)
	case err != nil:
		return nil, fmt.Errorf("the configuration file can't be read: %w", err)
	}
	s.file, err = parseFile(text, known(ctx.Model.Node))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return s, nil
}

// known gives the names of all settings there are.
func known(node *kong.Node) map[string]bool {
	names := map[string]bool{}
	for _, f := range node.Flags {
		if f.Tag.Has("setting") {
			names[f.Name] = true
		}
	}
	for _, child := range node.Children {
		maps.Copy(names, known(child))
	}
	return names
}

// parseFile reads the YAML of a configuration file: one mapping of settings to
// scalars or lists of scalars.
func parseFile(text []byte, known map[string]bool) (map[string]string, error) {
	var lines yaml.MapSlice
	if err := decodeYAML(text, &lines); err != nil {
		return nil, fmt.Errorf("this is no YAML of the form 'name: value': %w", err)
	}
	file := make(map[string]string, len(lines))
	for _, line := range lines {
		name := strings.ReplaceAll(fmt.Sprint(line.Key), "_", "-")
		if !known[name] {
			return nil, fmt.Errorf("there is no setting %q%s", line.Key, suggest(name, known))
		}
		if _, twice := file[name]; twice {
			return nil, fmt.Errorf("the setting %q is there twice", name)
		}
		value, err := scalar(line.Value)
		if err != nil {
			return nil, fmt.Errorf("the setting %q %w", name, err)
		}
		file[name] = value
	}
	return file, nil
}

// scalar writes a value as it would stand on the command line.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", errors.New("has no value: leave the line out for the default")
	case yaml.MapSlice, map[string]any:
		return "", errors.New("has settings below it: all of them stand on one level")
	case []any:
		parts := make([]string, 0, len(v))
		for _, item := range v {
			part, err := scalar(item)
			if err != nil {
				return "", err
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ","), nil
	}
	return fmt.Sprint(v), nil
}

// suggest gives the setting that was probably meant, or all of them.
func suggest(name string, known map[string]bool) string {
	names := slices.Sorted(maps.Keys(known))
	for _, k := range names {
		if near(name, k) {
			return fmt.Sprintf(": is %q meant?", k)
		}
	}
	return "; there are " + strings.Join(names, ", ")
}

// near says whether a and b differ by little: at most two letters changed,
// added or left out.
func near(a, b string) bool {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before = row[j+1]
			row[j+1] = min(cost, row[j]+1, before+1)
		}
	}
	return row[len(b)] <= 2
}

// Validate is part of kong's contract; the file was validated when it was read.
func (*settings) Validate(*kong.Application) error { return nil }

// Resolve gives a flag's value, nil when nobody set it.
func (s *settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !flag.Tag.Has("setting") {
		return nil, nil //nolint:nilnil // kong's way to say that there is no value
	}
	if v := s.getenv(envName(flag.Name)); v != "" {
		return v, nil
	}
	if v, ok := s.file[flag.Name]; ok {
		return v, nil
	}
	return nil, nil //nolint:nilnil // kong's way to say that there is no value
}
