package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sori/audio"
)

// called is what turns without a server between took.
type called struct {
	added [3]float64 // ms
	first float64    // p50, ms
}

// direct makes the calls of a turn as a load tool would.
type direct struct {
	http *http.Client
	base string
	wav  []byte
}

// callDirectly lets n callers make the three calls of a turn, as often as n
// speakers would. sequential waits for the whole reply, and for all its audio.
func (b *bench) callDirectly(ctx context.Context, engines *child, n int, d time.Duration, sequential bool) (called, error) {
	pcm := b.pcm[:audio.Bytes(b.utterance(), audio.Rate)]
	t := &http.Transport{MaxIdleConnsPerHost: n + 8, DisableCompression: true}
	defer t.CloseIdleConnections()
	call := &direct{
		http: &http.Client{Transport: t}, base: "http://" + engines.addr,
		wav: append(audio.AppendHeader(nil, audio.Rate, 1, len(pcm)), pcm...),
	}
	var first, added samples
	var failed error
	var once sync.Once
	var wg sync.WaitGroup
	until := time.Now().Add(d + b.spread())
	for i := range n {
		wg.Go(func() {
			user := "direct-" + strconv.Itoa(i)
			if pause(ctx, rand.N(b.spread())) != nil {
				return
			}
			for time.Now().Before(until) && ctx.Err() == nil {
				began := time.Now()
				s, err := call.turn(ctx, user, sequential)
				if err != nil {
					if ctx.Err() == nil {
						once.Do(func() { failed = err })
					}
					return
				}
				took := time.Since(began)
				first.add(took)
				added.add(took - s.path())
				// A speaker speaks, and hears the reply.
				if pause(ctx, b.utterance()+think+rand.N(2*time.Second)) != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	r := called{first: first.ms(.5)}
	for i, p := range shares() {
		r.added[i] = added.ms(p)
	}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	return r, failed
}

func (d *direct) turn(ctx context.Context, user string, sequential bool) (stamps, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "input.wav")
	if err == nil {
		_, err = part.Write(d.wav)
	}
	if err == nil {
		err = w.WriteField("user_id", user)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return stamps{}, err
	}
	heard, err := d.post(ctx, "/run-model", w.FormDataContentType(), form.Bytes())
	if err != nil {
		return stamps{}, err
	}
	_, err = io.Copy(io.Discard, heard)
	_ = heard.Close() // it was read
	if err != nil {
		return stamps{}, err
	}
	reply, err := d.post(ctx, "/generate", "application/json", []byte(`{"user_id":"`+user+`","text":"please tell me something about tea","history":[]}`))
	if err != nil {
		return stamps{}, err
	}
	defer reply.Close()
	lines := bufio.NewScanner(reply)
	var text strings.Builder
	for lines.Scan() {
		piece := between(lines.Bytes(), `"delta":"`)
		text.WriteString(piece)
		if strings.HasSuffix(piece, ". ") && !sequential {
			break // the first sentence is there
		}
	}
	speech, err := d.post(ctx, "/tts", "application/json", []byte(`{"user_id":"`+user+`","text":"`+text.String()+`"}`))
	if err != nil {
		return stamps{}, err
	}
	defer speech.Close()
	head := make([]byte, audio.HeaderBytes+stampBytes)
	if _, err := io.ReadFull(speech, head); err != nil {
		return stamps{}, fmt.Errorf("the engine's speech: %w", err)
	}
	s, ok := readStamps(head[audio.HeaderBytes:])
	if !ok {
		return s, fmt.Errorf("the engine's speech holds no times")
	}
	if sequential {
		_, err = io.Copy(io.Discard, speech)
	}
	return s, err
}

func (d *direct) post(ctx context.Context, path, kind string, body []byte) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	resp, err := d.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("the engine answers %s with HTTP %d", path, resp.StatusCode)
	}
	return resp.Body, nil
}
