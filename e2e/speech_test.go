//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"sori/audio"
	"sori/client"
	"sori/protocol"
)

// speech is a recording and what is said in it.
type speech struct {
	name string
	pcm  []byte
	rate int
	text string
}

// realSpeech reads the recordings of people beside the project, where they are.
func realSpeech(t testing.TB) []speech {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "audio")
	refs, err := os.ReadFile(filepath.Join(dir, "refs.txt"))
	if err != nil {
		t.Skipf("no recordings of people at ../shared/audio: %v", err)
	}
	var all []speech
	for line := range strings.Lines(string(refs)) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), "|")
		if !ok {
			continue
		}
		all = append(all, readWAV(t, filepath.Join(dir, name+".wav"), text))
	}
	return all
}

func readWAV(t testing.TB, path, text string) speech {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := audio.ReadWAV(bytes.NewReader(b), 64<<20)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return speech{name: filepath.Base(path), pcm: w.Data, rate: w.Rate, text: text}
}

// own is speech that sori made itself, once for all tests.
var own struct { //nolint:gochecknoglobals // made once, read by all
	once                sync.Once
	first, other, plain speech
}

// ownSpeech is a sentence in sori's own voice, 16,000 Hz, and what it says.
func ownSpeech(t testing.TB) speech {
	t.Helper()
	first, _ := twoSentences(t)
	return first
}

// twoSentences are of different words: what one answers is no echo of the other.
func twoSentences(t testing.TB) (first, other speech) {
	t.Helper()
	speakOnce(t)
	return own.first, own.other
}

// plainSpeech is understood over a telephone, too.
func plainSpeech(t testing.TB) speech {
	t.Helper()
	speakOnce(t)
	return own.plain
}

// speakOnce makes sori's own speech.
func speakOnce(t testing.TB) {
	t.Helper()
	own.once.Do(func() {
		s := serve(t)
		say := func(text string) speech {
			a := ask(t, dial(t, s, format(audio.Rate)), client.Turn{Text: text})
			return speech{name: text, pcm: a.Audio, rate: audio.Rate, text: a.Record.TTOTText}
		}
		own.first, own.other = say("what is twelve times twelve"), say("my name is Anna")
		own.plain = say("what is three plus four")
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	if len(own.first.pcm) == 0 || len(own.other.pcm) == 0 || len(own.plain.pcm) == 0 {
		t.Fatal("sori's own speech could not be made")
	}
}

// wordErrors counts the word edits that make heard of said, and said's words.
func wordErrors(said, heard string) (edits, words int) {
	a, b := plainWords(said), plainWords(heard)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := 1
			if x == y {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)], len(a)
}

func plainWords(s string) []string {
	s = strings.NewReplacer("mr.", "mister", "10", "ten", "3 ", "three ", "4 ", "four ", "7.", "seven.", "+", "plus", "=", "equals").Replace(strings.ToLower(s))
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' })
}

// dial opens a session and configures it. Engines that have too much to do are
// asked again, as people are told to: other tests may have asked a lot of them.
func dial(t testing.TB, s *sori, c protocol.Configure) *client.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	conn, err := client.Dial(ctx, s.ws(), client.Options{})
	for busy(err) && ctx.Err() == nil {
		time.Sleep(time.Second)
		conn, err = client.Dial(ctx, s.ws(), client.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	if _, err := conn.Configure(ctx, c, nil); err != nil {
		t.Fatal(err)
	}
	return conn
}

func busy(err error) bool {
	refused, ok := errors.AsType[*client.DialError](err)
	return ok && refused.Status == http.StatusServiceUnavailable && strings.Contains(refused.Message, "engines_busy")
}

// format is a session with audio at one rate both ways, that gets its reply as
// fast as it is made.
func format(rate int) protocol.Configure {
	f := protocol.Format{Encoding: protocol.EncodingPCM, Rate: rate}
	now := 0
	return protocol.Configure{Input: &f, Output: &f, PaceMS: &now}
}

// ask says a turn and waits for its end.
func ask(t testing.TB, conn *client.Conn, turn client.Turn) *client.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := conn.Ask(ctx, turn, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
