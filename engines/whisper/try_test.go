package whisper_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
	"runtime"

	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/recognizer"
	"sori/engines/whisper"
)

func TestTry(t *testing.T) {
	dir, _ := models.Dir(os.Getenv)
	b, _ := models.Manifest(runtime.GOOS, runtime.GOARCH)
	fs, err := models.Locate(dir, b)
	if err != nil { t.Fatal(err) }
	r, err := ort.Open(fs.Runtime)
	if err != nil { t.Fatal(err) }
	w := "/tmp/loc3/fw/"
	began := time.Now()
	m, err := whisper.Open(r, whisper.Files{Weights: []string{w + "model.bin.part1", w + "model.bin.part2"}, Config: w + "config.json", Vocabulary: w + "vocabulary.txt"}, recognizer.Options{Workers: 1})
	if err != nil { t.Fatal(err) }
	t.Log("open", time.Since(began))
	for _, f := range os.Args[len(os.Args)-1:] {
		files, _ := filepath.Glob(f)
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil { t.Fatal(err) }
			pcm := make([]int16, (len(b)-44)/2)
			for i := range pcm { pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:])) }
			for _, lang := range []string{os.Getenv("L")} {
				began := time.Now()
				for text, err := range m.StreamIn(t.Context(), lang, pcm) {
					t.Log(filepath.Base(f), lang, text, err, time.Since(began), float64(len(pcm))/16000)
				}
			}
		}
	}
	st, _ := os.ReadFile("/proc/self/status")
	_ = st
}
