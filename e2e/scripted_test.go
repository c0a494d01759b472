//go:build e2e

package e2e_test

import (
	le "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sori/audio"
)

// Engines that follow a script, for tests with many processes and sessions: no
// model is loaded, and ATOT hears exactly which audio it got.

// Every 20 ms of marked speech carry who speaks, which utterance it is, and
// which piece of it, in the lowest bits of its first samples: too faint to be
// heard, and enough to see that nothing is missing, doubled or swapped.
const (
	markedRate  = 16000
	markedFrame = markedRate / 50 * 2 // bytes of 20 ms

	replyBytes = markedRate * 2 * 6 / 10 // 0.6 s
)

// marked is speech of so many pieces of 20 ms that says who says what.
func marked(speech []byte, who, utterance, pieces int) []byte {
	out := make([]byte, 0, pieces*markedFrame)
	for i := range pieces {
		from := i * markedFrame % (len(speech) - markedFrame)
		from -= from % 2
		piece := append([]byte(nil), speech[from:from+markedFrame]...)
		word := uint64(who)<<32 | uint64(utterance)<<16 | uint64(i)
		for bit := range 48 {
			sample := le.LittleEndian.Uint16(piece[2*bit:])
			sample = sample&^1 | uint16(word>>bit&1)
			le.LittleEndian.PutUint16(piece[2*bit:], sample)
		}
		out = append(out, piece...)
	}
	return out
}

// readMarks says what marked speech says: "7 said 3 in 50" for the third
// utterance of speaker 7, whole and in order, in 50 pieces. Else it says what
// is wrong.
func readMarks(pcm []byte) string {
	if len(pcm)%markedFrame != 0 || len(pcm) == 0 {
		return fmt.Sprintf("damaged: %d bytes", len(pcm))
	}
	var who, utterance uint64
	for i := range len(pcm) / markedFrame {
		var word uint64
		for bit := range 48 {
			word |= uint64(pcm[i*markedFrame+2*bit]&1) << bit
		}
		w, u, p := word>>32, word>>16&0xffff, word&0xffff
		if i == 0 {
			who, utterance = w, u
		}
		if w != who || u != utterance || int(p) != i {
			return fmt.Sprintf("damaged: piece %d is piece %d of %d said %d, after %d said %d", i, p, w, u, who, utterance)
		}
	}
	return fmt.Sprintf("%d said %d in %d", who, utterance, len(pcm)/markedFrame)
}

// scripted serves all three stages. The times are those of fast engines.
func scripted(t testing.TB) (url string) {
	t.Helper()
	head := audio.WAVHeader(markedRate, 1, replyBytes)
	reply := append(head[:], make([]byte, replyBytes)...)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /run-model", func(w http.ResponseWriter, r *http.Request) {
		text := ""
		if file, _, err := r.FormFile("file"); err == nil {
			wav, err := io.ReadAll(file)
			if err != nil || len(wav) < audio.HeaderBytes {
				http.Error(w, "no WAV", http.StatusBadRequest)
				return
			}
			text = readMarks(wav[audio.HeaderBytes:])
		}
		time.Sleep(20 * time.Millisecond) // the engine works
		_ = json.NewEncoder(w).Encode(map[string]string{"atot_text": text})
	})
	mux.HandleFunc("POST /generate", func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		answer := "Heard: " + q.Text + "."
		for _, word := range strings.SplitAfter(answer, " ") {
			delta, _ := json.Marshal(map[string]string{"delta": word})
			fmt.Fprintf(w, "data: %s\n\n", delta)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(3 * time.Millisecond) // a token
		}
		last, _ := json.Marshal(map[string]string{"ttot_text": answer})
		fmt.Fprintf(w, "data: %s\n\n", last)
	})
	mux.HandleFunc("POST /tts", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "audio/wav")
		time.Sleep(20 * time.Millisecond) // the engine works
		_, _ = w.Write(reply)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// scriptedArgs starts a sori over scripted engines.
func scriptedArgs(url string) []string {
	return []string{"--atot", url, "--ttot", url, "--tts", url}
}

// The marks themselves: what is whole is whole, and damage is seen.
func TestMarksOfSpeech(t *testing.T) {
	t.Parallel()
	speech := ownSpeech(t).pcm
	whole := marked(speech, 7, 3, 50)
	if got := readMarks(whole); got != "7 said 3 in 50" {
		t.Fatal(got)
	}
	for name, pcm := range map[string][]byte{
		"a piece missing": append(append([]byte(nil), whole[:640]...), whole[1280:]...),
		"a piece twice":   append(append([]byte(nil), whole[:640]...), whole...),
		"another's piece": append(append([]byte(nil), whole...), marked(speech, 8, 3, 1)...),
		"half a piece":    whole[:1000],
	} {
		if got := readMarks(pcm); !strings.HasPrefix(got, "damaged") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
