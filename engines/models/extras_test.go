package models_test

import (
	"path/filepath"
	"strings"
	"testing"

	"sori/engines/models"
)

func TestExtrasAreWhole(t *testing.T) {
	t.Parallel()
	for _, at := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "arm64"}} {
		base, err := models.Manifest(at[0], at[1])
		if err != nil {
			t.Fatal(err)
		}
		extras := models.Extras(at[0], at[1])
		seen := map[string]bool{}
		for i := range base {
			seen[base[i].ID] = true
		}
		for _, b := range extras {
			if b.Name == "" || b.Licence == "" || b.Title == "" || b.Note == "" || b.Download <= 0 || seen[b.ID] || seen[b.Name] {
				t.Errorf("%v: %+v is not whole, or there twice", at, b)
			}
			seen[b.ID], seen[b.Name] = true, true
			if len(b.Also) == 0 && b.Name != models.NameEspeak { // the system's does as well
				t.Errorf("%v: %s has one source only", at, b.Name)
			}
			if _, err := models.Select(base, extras, b.Name); err != nil {
				t.Errorf("%v: %v", at, err)
			}
			for _, f := range b.Files {
				if len(f.SHA256) != 64 || f.Size <= 0 || (f.Inside == "") == (f.Pieces == nil) || !filepath.IsLocal(f.Name) {
					t.Errorf("%v %s: %+v", at, b.Name, f)
				}
				size := int64(0)
				for _, p := range f.Pieces {
					if size += p.Size; len(p.SHA256) != 64 || p.Inside == "" || !strings.Contains(p.Ref, "==") || strings.Contains(p.Ref+p.Inside, "%") {
						t.Errorf("%v %s: %+v", at, b.Name, p)
					}
				}
				if f.Pieces != nil && size != f.Size {
					t.Errorf("%v %s: the pieces of %s have %d bytes", at, b.Name, f.Name, size)
				}
			}
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	base, err := models.Manifest("linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	extras := models.Extras("linux", "amd64")
	for names, want := range map[string]int{
		"base":                     len(base),
		"smollm2":                  2, // with llama
		"smollm2 llama smollm2":    2,
		"base piper-joe":           len(base) + 2,
		"silero-vad-0.0.31":        1,
		"llama-linux-amd64-0.5.0":  1,
		"espeak piper-joe smollm2": 4,
		"natural":                  4,
		"natural whisper":          5,
		"qwen qwen-1.5b":           3, // with llama
	} {
		got, err := models.Select(base, extras, strings.Fields(names)...)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d bundles, %v, want %d", names, len(got), err, want)
		}
	}
	_, err = models.Select(base, extras, "parakeet")
	if e := wantCode(t, err, models.CodeUnknown); !strings.Contains(e.Do, "smollm2") {
		t.Errorf("it does not say what there is: %v", e)
	}
}
