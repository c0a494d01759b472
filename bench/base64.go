package bench

import (
	"context"
	"encoding/base64"
)

// realtimeMS is how much audio one message of the Realtime API holds here.
const realtimeMS = 100

// base64 measures audio in JSON beside binary frames of the same length.
func (b *bench) base64(ctx context.Context, n int) error {
	binary := b.soriOver("binary", plainSettings)
	binary.silent = true
	binary.ms, binary.frames = realtimeMS, masked(b.pcm, realtimeMS)
	inJSON := b.soriOver("base64", func(int) (string, string) {
		return "", `{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":16000},"turn_detection":null}}}}`
	})
	inJSON.silent = true
	inJSON.ms, inJSON.path, inJSON.frames = realtimeMS, "/v1/realtime", nil
	size := 16 * 2 * realtimeMS
	for rest := b.pcm; len(rest) >= size; rest = rest[size:] {
		text := `{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(rest[:size]) + `"}`
		inJSON.frames = append(inJSON.frames, appendFrame(nil, opText, []byte(text)))
	}
	s, err := b.interleave(ctx, n, binary, inJSON)
	b.add(n, "base64 in JSON, 100 ms, CPU per 1,000 sessions", "cores", s.of("base64", cores), "binary", s.of("binary", cores), goal{1.15, true})
	b.add(n, "base64 in JSON, allocations a message, with the memory that holds the audio", "", s.of("base64", allocs), "binary", s.of("binary", allocs), goal{})
	return err
}
