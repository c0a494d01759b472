package dialect_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime/dialect"
	"sori/stage"
)

// A conversation that is full loses its oldest turn each time, or with a retention
// ratio more of them at once and then none for a while.
func TestTruncation(t *testing.T) {
	t.Parallel()
	for truncation, want := range map[string][]int{
		`"auto"`: {20, 20, 20, 20}, `{"type":"retention_ratio","retention_ratio":0.5}`: {20, 10, 11, 12},
	} {
		synctest.Test(t, func(t *testing.T) {
			var told []int
			fine := says("Fine.")
			r := open(t, dialect.Options{}, deps(ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
				told = append(told, len(p.History))
				return fine.respond(ctx, p)
			}}))
			r.send(`{"type":"session.update","session":{"type":"realtime","output_modalities":["text"],"truncation":` + truncation + `,"audio":{"input":{"turn_detection":null}}}}`)
			for range 24 {
				r.say(500*time.Millisecond, 3000)
				r.send(`{"type":"input_audio_buffer.commit"}`)
				r.send(`{"type":"response.create"}`)
				r.wait(3 * time.Second)
			}
			if len(told) != 24 || !slices.Equal(told[20:], want) {
				t.Errorf("%s: the model is told of %v turns", truncation, told)
			}
		})
	}
}
