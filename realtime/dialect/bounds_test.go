package dialect_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime/dialect"
)

// Forty bytes may ask for megabytes: who does not read the answers is not asked
// for more, and gets all of them later.
func TestAClientThatAsksForMoreThanItReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Fine.")))
		r.send(`{"type":"conversation.item.create","item":{"id":"long","type":"message","role":"user","content":[{"type":"input_audio","transcript":"hello","audio":"` +
			base64.StdEncoding.EncodeToString(tone(1000, 1<<18)) + `"}]}}`)
		r.wait(time.Second)
		r.stall.Store(true)
		const questions = 40
		var taken atomic.Int32
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			for range questions {
				r.send(`{"type":"conversation.item.retrieve","item_id":"long"}`)
				taken.Add(1)
			}
		}()
		r.wait(time.Second)
		if n := taken.Load(); n > 30 { // sixteen wait in front of the talk
			t.Errorf("%d questions were taken whose answers nobody reads", n)
		}
		r.stall.Store(false)
		<-asked
		r.wait(time.Minute)
		if n := len(r.all("conversation.item.retrieved")); n != questions {
			t.Errorf("%d of %d were answered", n, questions)
		}
	})
}

// A conversation of long texts keeps the newest of them.
func TestTheTextOfAConversationIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Fine.")))
		long := strings.Repeat("a", 64<<10)
		for i := range 70 {
			r.send(fmt.Sprintf(`{"type":"conversation.item.create","item":{"id":"item-%d","type":"message","role":"user","content":[{"type":"input_text","text":%q}]}}`, i, long))
		}
		r.wait(time.Second)
		for i, there := range map[int]bool{0: false, 5: false, 10: true, 69: true} {
			before := len(r.all("conversation.item.retrieved"))
			r.send(fmt.Sprintf(`{"type":"conversation.item.retrieve","item_id":"item-%d"}`, i))
			r.wait(time.Second)
			if got := len(r.all("conversation.item.retrieved")) > before; got != there {
				t.Errorf("item %d is there: %t", i, got)
			}
		}
	})
}

// Eight minutes of G.711 are not given back as fifty megabytes.
func TestAudioThatWouldBeTooLongIsNotGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Fine.")))
		r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"}}}}}`)
		r.send(`{"type":"conversation.item.create","item":{"id":"long","type":"message","role":"user","content":[{"type":"input_audio","transcript":"hello","audio":"` +
			base64.StdEncoding.EncodeToString(make([]byte, 3<<20)) + `"}]}}`)
		if n := len(r.retrieve("long")); n != 3<<20 {
			t.Errorf("%d bytes of mu-law came back", n)
		}
		r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":48000}}}}}`)
		r.wait(0)
		if n := len(r.retrieve("long")); n != 0 {
			t.Errorf("%d bytes of PCM came back", n)
		}
	})
}
