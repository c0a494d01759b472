package moonshine_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"sori/engines/models"
	"sori/engines/moonshine"
	"sori/engines/ort"
	"sori/engines/recognizer"
	"sori/engines/silero"
)

// files gives the local models, or skips the test where they are missing; in CI
// that is a failure.
func files(tb testing.TB) models.Files {
	tb.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err == nil {
		err = models.Check(dir, bundles)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	fs, err := models.Locate(dir, bundles)
	if err != nil {
		tb.Fatal(err)
	}
	return fs
}

func openRuntime(tb testing.TB) (*ort.Runtime, models.Files) {
	tb.Helper()
	fs := files(tb)
	r, err := ort.Open(fs.Runtime)
	if err != nil {
		tb.Fatal(err)
	}
	return r, fs
}

func modelFiles(fs models.Files) moonshine.Files {
	return moonshine.Files{Encoder: fs.Encoder, Decoder: fs.Decoder, Vocabulary: fs.Vocabulary}
}

// open gives a recognizer that finds speech with Silero, as sori has it.
func open(tb testing.TB, o recognizer.Options) *recognizer.Recognizer {
	tb.Helper()
	r, fs := openRuntime(tb)
	if o.NewDetector == nil {
		vad, err := silero.Open(r, fs.Silero)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(vad.Close)
		o.NewDetector = func() (recognizer.Detector, error) { return vad.NewDetector() }
	}
	m, err := moonshine.Open(r, modelFiles(fs), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Close)
	return m
}

// clip is a recording and what is said in it.
type clip struct {
	name string
	pcm  []int16
	said string
}

// clips gives real speech, or skips the test where there is none.
func clips(tb testing.TB) []clip {
	tb.Helper()
	const dir = "../../../shared/audio"
	refs, err := os.ReadFile(filepath.Join(dir, "refs.txt"))
	if err != nil {
		tb.Skipf("no recordings in ../shared/audio beside the project: %v", err)
	}
	var all []clip
	for line := range strings.Lines(string(refs)) {
		name, said, ok := strings.Cut(strings.TrimSpace(line), "|")
		if !ok {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, name+".wav"))
		if err != nil {
			tb.Fatal(err)
		}
		c := clip{name: name, said: said, pcm: make([]int16, (len(b)-44)/2)}
		for i := range c.pcm {
			c.pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		tb.Fatal("refs.txt names no recordings")
	}
	return all
}

// words are a text's words as word error rates count them.
func words(s string) []string {
	s = strings.NewReplacer("mr.", "mister", "10", "ten").Replace(strings.ToLower(s))
	return strings.Fields(regexp.MustCompile(`[^a-z' ]`).ReplaceAllString(s, " "))
}

// edits is the number of words to change to make b of a.
func edits(a, b []string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, cost)
		}
	}
	return row[len(b)]
}
