package bench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sori/audio"
)

// Script says how fast the scripted engines are. Latencies are drawn from a
// lognormal distribution with that median.
type Script struct {
	ATOT, TTOT, TTS time.Duration // until the transcript, the first token, the first audio
	Sigma           float64       // of all three; 0 is always the median
	Token           time.Duration // between two tokens
	Words           int           // of a sentence
	Sentences       int           // of a reply
	Word            time.Duration // of speech
	Speed           float64       // how much faster than it sounds speech is made
	Seed            uint64
}

// DefaultScript is how the engines behave unless told otherwise.
func DefaultScript() Script {
	return Script{
		ATOT: 120 * time.Millisecond, TTOT: 150 * time.Millisecond, TTS: 80 * time.Millisecond, Sigma: 0.25,
		Token: 20 * time.Millisecond, Words: 8, Sentences: 2, Word: 150 * time.Millisecond, Speed: 4, Seed: 1,
	}
}

// hangs is how the user is called whose engine never answers.
const hangs = "hang"

// chunkMS is how much audio TTS sends at once.
const chunkMS = 100

// stamps are the times of one turn at its engines, in Unix nanoseconds. They
// travel to the client at the beginning of the reply's audio.
type stamps struct {
	atotGot, atotGave, ttotGot, ttotGave, ttsGot, ttsGave int64
}

// stampMagic begins audio that holds stamps.
const stampMagic = "sori\x01b\x02e"

// stampBytes is how much room they take.
const stampBytes = len(stampMagic) + 6*8

func (s *stamps) each() [6]*int64 {
	return [6]*int64{&s.atotGot, &s.atotGave, &s.ttotGot, &s.ttotGave, &s.ttsGot, &s.ttsGave}
}

// write puts the stamps at the beginning of pcm.
func (s *stamps) write(pcm []byte) {
	copy(pcm, stampMagic)
	for i, v := range s.each() {
		binary.LittleEndian.PutUint64(pcm[len(stampMagic)+8*i:], uint64(*v))
	}
}

// readStamps finds them again.
func readStamps(pcm []byte) (s stamps, ok bool) {
	if len(pcm) < stampBytes || string(pcm[:len(stampMagic)]) != stampMagic {
		return s, false
	}
	for i, v := range s.each() {
		*v = int64(binary.LittleEndian.Uint64(pcm[len(stampMagic)+8*i:]))
	}
	return s, true
}

// path is how long the engines themselves took until the first audio: the
// transcript, the first sentence, its first sound.
func (s *stamps) path() time.Duration {
	return time.Duration(s.atotGave - s.atotGot + s.ttotGave - s.ttotGot + s.ttsGave - s.ttsGot)
}

// scripted are the three engines, in the seed's dialect.
type scripted struct {
	script Script

	http.Handler

	aborted, calls atomic.Int64
	conns          atomic.Int64 // that are open

	mu   sync.Mutex
	rng  *rand.Rand
	turn map[string]*stamps // of each user's present turn
}

// Engines serves the scripted engines on addr until ctx ends, and says on out
// where it listens.
func Engines(ctx context.Context, script Script, addr string, out io.Writer) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return serve(ctx, ln, newScripted(script), out)
}

func newScripted(script Script) *scripted {
	e := &scripted{script: script, rng: rand.New(rand.NewPCG(script.Seed, 3)), turn: map[string]*stamps{}}
	e.Handler = e.handler()
	return e
}

// count counts the connections.
func (e *scripted) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		e.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		e.conns.Add(-1)
	case http.StateActive, http.StateIdle:
	}
}

func (e *scripted) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /run-model", e.transcribe)
	mux.HandleFunc("POST /generate", e.generate)
	mux.HandleFunc("POST /tts", e.speak)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "{}") })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"calls":%d,"aborted":%d,"connections":%d}`, e.calls.Load(), e.aborted.Load(), e.conns.Load())
	})
	return mux
}

// wait takes about as long as median, and says whether the caller is still
// there.
func (e *scripted) wait(ctx context.Context, median time.Duration) bool {
	if e.script.Sigma > 0 {
		e.mu.Lock()
		median = time.Duration(float64(median) * math.Exp(e.script.Sigma*e.rng.NormFloat64()))
		e.mu.Unlock()
	}
	return e.sleep(ctx, median)
}

func (e *scripted) sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		e.aborted.Add(1)
		return false
	}
}

// note changes the stamps of a user's turn.
func (e *scripted) note(user string, f func(*stamps)) stamps {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.turn[user]
	if s == nil {
		s = &stamps{}
		e.turn[user] = s
	}
	f(s)
	return *s
}

func (e *scripted) transcribe(w http.ResponseWriter, r *http.Request) {
	e.calls.Add(1)
	if err := r.ParseMultipartForm(8 << 20); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }() // it was small
	user := r.FormValue("user_id")
	got := time.Now().UnixNano()
	if strings.HasPrefix(user, hangs) {
		<-r.Context().Done()
		e.aborted.Add(1)
		return
	}
	if !e.wait(r.Context(), e.script.ATOT) {
		return
	}
	e.note(user, func(s *stamps) { *s = stamps{atotGot: got, atotGave: time.Now().UnixNano()} })
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"user_id":%q,"input_wav":"in.wav","atot_text":"please tell me something about tea"}`, user)
}

func (e *scripted) generate(w http.ResponseWriter, r *http.Request) {
	e.calls.Add(1)
	var ask struct {
		UserID string `json:"user_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.note(ask.UserID, func(s *stamps) { s.ttotGot = time.Now().UnixNano() })
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	if !e.wait(r.Context(), e.script.TTOT) {
		return
	}
	var whole strings.Builder
	for sentence := range e.script.Sentences {
		for word := range e.script.Words {
			if sentence+word > 0 && !e.sleep(r.Context(), e.script.Token) {
				return
			}
			token := "water "
			switch word {
			case 0:
				token = "Warm "
			case e.script.Words - 1:
				token = "leaves. "
				if sentence == 0 {
					e.note(ask.UserID, func(s *stamps) { s.ttotGave = time.Now().UnixNano() })
				}
			}
			whole.WriteString(token)
			fmt.Fprintf(w, "data: {\"delta\":%q}\n\n", token)
			if flush.Flush() != nil {
				return
			}
		}
	}
	fmt.Fprintf(w, "data: {\"ttot_text\":%q}\n\n", strings.TrimSpace(whole.String()))
}

func (e *scripted) speak(w http.ResponseWriter, r *http.Request) {
	e.calls.Add(1)
	var ask struct {
		UserID string `json:"user_id"`
		Text   string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	got := time.Now().UnixNano()
	length := time.Duration(len(strings.Fields(ask.Text))) * e.script.Word
	left := audio.Bytes(length, audio.Rate)
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "audio/wav")
	if !e.wait(r.Context(), e.script.TTS) {
		return
	}
	s := e.note(ask.UserID, func(s *stamps) {
		if s.ttsGot == 0 {
			s.ttsGot, s.ttsGave = got, time.Now().UnixNano()
		}
	})
	size := audio.Rate / 1000 * 2 * chunkMS
	chunk := audio.AppendHeader(nil, audio.Rate, 1, left)
	for first := true; left > 0; first = false {
		n := min(size, left)
		left -= n
		pcm := tone(n)
		if first {
			s.write(pcm)
		} else if !e.sleep(r.Context(), time.Duration(float64(chunkMS*time.Millisecond)/e.script.Speed)) {
			return
		}
		if _, err := w.Write(append(chunk, pcm...)); err != nil || flush.Flush() != nil {
			e.aborted.Add(1)
			return
		}
		chunk = chunk[:0]
	}
}

// tone is n bytes of a buzz.
func tone(n int) []byte {
	pcm := make([]byte, n)
	for i := 0; i+1 < n; i += 2 {
		binary.LittleEndian.PutUint16(pcm[i:], uint16(int16((i%160)*100-8000)))
	}
	return pcm
}
