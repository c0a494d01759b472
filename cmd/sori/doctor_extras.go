package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"sori/engines/espeak"
	"sori/engines/models"
)

// lookExtras sees which language models, voices and recognisers were fetched by
// name, and whether they are whole.
func (s *surgery) lookExtras(context.Context) finding {
	dir, _, err := s.find(s.console)
	if err != nil {
		return found(warn, "", "%v", err)
	}
	var there, absent, broken []string
	extras := models.Extras(runtime.GOOS, runtime.GOARCH)
	for i, b := range extras {
		err := models.Check(dir, extras[i:i+1])
		e, ok := errors.AsType[*models.Error](err)
		_, statErr := os.Stat(filepath.Join(dir, b.ID))
		switch {
		case err == nil:
			there = append(there, b.Name)
		case ok && e.Code != models.CodeMissing, statErr == nil:
			broken = append(broken, b.Name)
		case b.Name == models.NameEspeak && systemEspeak():
			there = append(there, "espeak (the system's)")
		default:
			absent = append(absent, b.Name)
		}
	}
	says := "there: " + listed(there)
	if len(absent) > 0 {
		says += "; to be had: " + listed(absent)
	}
	if len(broken) > 0 {
		return found(warn, "`sori models pull "+strings.Join(broken, " ")+"` mends them.", "not whole: %s; %s", listed(broken), says)
	}
	do := ""
	if len(absent) > 0 {
		do = "`sori models list` says what each is, `sori models pull NAME` fetches it."
	}
	return found(fine, do, "%s", says)
}

// systemEspeak says whether the system has an espeak-ng that can be used.
func systemEspeak() bool {
	_, err := espeak.Load("", "")
	return err == nil
}

// lookLanguages says what the local engines hear, answer in and speak.
func (s *surgery) lookLanguages(context.Context) finding {
	if s.engines == nil {
		return notStarted()
	}
	known := s.engines.known.languages()
	whole := func(languages []string) string {
		if len(languages) == 0 {
			return "any, or not known"
		}
		return strings.Join(languages, " ")
	}
	return found(fine, "", "%s", fmt.Sprintf("heard: %s; answered in: %s; spoken: %s", whole(known.ATOT), whole(known.TTOT), whole(known.TTS)))
}

// listed joins names for people.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
