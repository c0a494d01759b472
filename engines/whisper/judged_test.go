package whisper_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"

	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/recognizer"
	"sori/engines/silero"
	"sori/engines/whisper"
)

// BenchmarkSpeech judges Whisper base: words misheard of real English speech, and
// letters misheard of sentences in other languages that espeak-ng speaks. Run it
// with -benchtime 1x.
func BenchmarkSpeech(b *testing.B) {
	m := fetched(b)
	for b.Loop() {
		english(b, m)
		for language, sentences := range spoken() {
			wrong, total, took, length := 0, 0, time.Duration(0), time.Duration(0)
			for _, said := range sentences {
				pcm := espeak(b, language, said)
				began := time.Now()
				text := hear(b, m, language, pcm)
				took += time.Since(began)
				length += time.Duration(len(pcm)) * time.Second / recognizer.Rate
				b.Logf("%s: %s → %s", language, said, text)
				want := letters(said)
				wrong, total = wrong+edits(want, letters(text)), total+len(want)
			}
			b.ReportMetric(100*float64(wrong)/float64(total), language+"_%letters")
			b.ReportMetric(float64(took)/float64(length), language+"_rtf")
		}
	}
}

// spoken are sentences that espeak-ng speaks.
func spoken() map[string][]string {
	return map[string][]string{
		"ko": {"안녕하세요", "오늘 날씨가 어때요", "대한민국의 수도는 서울입니다", "저는 한국어를 공부하고 있습니다", "커피 한 잔 주세요"},
		"de": {"Guten Morgen, ich heiße Anna und wohne in Berlin.", "Wie wird das Wetter am Wochenende?"},
		"es": {"Buenos días, me gustaría reservar una mesa para dos personas.", "La capital de España es Madrid."},
	}
}

// fetched opens what `sori models pull whisper` fetches.
func fetched(b *testing.B) *recognizer.Recognizer {
	b.Helper()
	r, fs := openRuntime(b)
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		b.Fatal(err)
	}
	all := models.Extras(runtime.GOOS, runtime.GOARCH)
	path := func(id string) string {
		p, ok := models.Path(dir, all, id)
		if _, err := os.Stat(p); !ok || err != nil {
			b.Skip("no Whisper here: run `sori models pull whisper`")
		}
		return p
	}
	vad, err := silero.Open(r, fs.Silero)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(vad.Close)
	began := time.Now()
	m, err := openWhisper(r, path, func() (recognizer.Detector, error) { return vad.NewDetector() })
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Close)
	b.Logf("loaded in %s", time.Since(began))
	return m
}

func openWhisper(r *ort.Runtime, path func(string) string, detector func() (recognizer.Detector, error)) (*recognizer.Recognizer, error) {
	return whisper.Open(r, whisper.Files{
		Weights: path(models.IDWhisper),
		Config:  path(models.IDWhisperConfig), Vocabulary: path(models.IDWhisperVocabulary),
	}, recognizer.Options{Workers: 1, NewDetector: detector})
}

// english hears the recordings beside the project, if there are any.
func english(b *testing.B, m *recognizer.Recognizer) {
	b.Helper()
	const dir = "../../../shared/audio"
	refs, err := os.ReadFile(filepath.Join(dir, "refs.txt"))
	if err != nil {
		b.Logf("no recordings of real speech: %v", err)
		return
	}
	wrong, total, took, length := 0, 0, time.Duration(0), time.Duration(0)
	for line := range strings.Lines(string(refs)) {
		name, said, ok := strings.Cut(strings.TrimSpace(line), "|")
		if !ok {
			continue
		}
		pcm := samples(b, filepath.Join(dir, name+".wav"))
		began := time.Now()
		text := hear(b, m, "en", pcm)
		took += time.Since(began)
		length += time.Duration(len(pcm)) * time.Second / recognizer.Rate
		want := words(said)
		wrong, total = wrong+edits(want, words(text)), total+len(want)
	}
	b.ReportMetric(100*float64(wrong)/float64(total), "en_%words")
	b.ReportMetric(float64(took)/float64(length), "en_rtf")
}

func hear(b *testing.B, m *recognizer.Recognizer, language string, pcm []int16) (said string) {
	b.Helper()
	for text, err := range m.StreamIn(b.Context(), language, pcm) {
		if err != nil {
			b.Fatal(err)
		}
		said = text
	}
	return said
}

// espeak speaks with espeak-ng's program, at 16,000 Hz by leaving samples out.
func espeak(b *testing.B, language, text string) []int16 {
	b.Helper()
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		b.Skip("espeak-ng speaks the sentences: apt-get install espeak-ng")
	}
	file := filepath.Join(b.TempDir(), "said.wav")
	if out, err := exec.CommandContext(b.Context(), "espeak-ng", "-v", language, "-s", "130", "-w", file, text).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	const from = 22_050
	in := samples(b, file)
	out := make([]int16, recognizer.Rate/2+len(in)*recognizer.Rate/from+recognizer.Rate/2)
	for i := range len(in) * recognizer.Rate / from {
		at := float64(i) * from / recognizer.Rate
		k := int(at)
		next := in[min(k+1, len(in)-1)]
		out[recognizer.Rate/2+i] = int16(float64(in[k]) + (at-float64(k))*(float64(next)-float64(in[k])))
	}
	return out
}

func samples(b *testing.B, wav string) []int16 {
	b.Helper()
	data, err := os.ReadFile(wav)
	if err != nil {
		b.Fatal(err)
	}
	pcm := make([]int16, (len(data)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(data[44+2*i:]))
	}
	return pcm
}

func words(s string) []string {
	s = strings.NewReplacer("mr.", "mister", "10", "ten").Replace(strings.ToLower(s))
	return strings.Fields(regexp.MustCompile(`[^a-z' ]`).ReplaceAllString(s, " "))
}

func letters(s string) []string {
	var all []string
	for _, r := range strings.ToLower(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			all = append(all, string(r))
		}
	}
	return all
}

// edits is the number of changes to make b of a.
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
