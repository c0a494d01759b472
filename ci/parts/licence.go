package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// text is a file that says what may be done with a part.
type text struct {
	name string // of the file
	body string
}

var errNoLicence = errors.New("no licence that is known was found: look at it, and say so in ci/parts")

// allowed are the licences, by their SPDX names, under which parts of the binary
// and of the page may stand: those that let everybody use sori for everything.
func allowed() []string {
	return []string{"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "0BSD", "Zlib", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "blessing", "OFL-1.1", "MPL-2.0", "Unlicense", "GooglePatentsFile"}
}

// texts gives the licences and notices in a folder.
func texts(dir string) ([]text, error) {
	isText := regexp.MustCompile(`(?i)^(.*licen[cs]e.*|copying.*|notice.*|patents)$`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []text
	for _, e := range entries {
		if e.IsDir() || !isText.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), ".tmpl") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, text{e.Name(), strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n"))})
	}
	return all, nil
}

// licences gives the SPDX names of what texts say, and an error where they say
// nothing that is known, or something under which sori may not be given away.
func licences(all []text) ([]string, error) {
	var names []string
	for _, t := range all {
		for _, m := range licensecheck.Scan([]byte(t.body)).Match {
			if !slices.Contains(names, m.ID) && !m.IsURL {
				names = append(names, m.ID)
			}
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return nil, errNoLicence
	}
	for _, n := range names {
		if !slices.Contains(allowed(), n) {
			return names, fmt.Errorf("the licence %s is none of those that sori may carry: %s", n, strings.Join(allowed(), ", "))
		}
	}
	return names, nil
}
