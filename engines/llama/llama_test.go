package llama_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"sori/engines/llama"
	"sori/stage"
)

// watch collects usages. The responder's loop writes, the test reads after its
// reply is over.
type watch struct {
	mu  sync.Mutex
	all []llama.Usage
}

func (w *watch) add(u llama.Usage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, u)
}

// last waits for the n-th usage: it is told after the reply's last piece.
func (w *watch) last(tb testing.TB, n int) llama.Usage {
	tb.Helper()
	get := func() (u llama.Usage, ok bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.all) < n {
			return u, false
		}
		return w.all[n-1], true
	}
	for {
		if u, ok := get(); ok {
			return u
		}
		select {
		case <-tb.Context().Done():
			tb.Fatal("the reply's usage was never told")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestReplyIsStreamedAndRepeatable(t *testing.T) {
	t.Parallel()
	r := open(t, fixture{template: chatML}.write(t), llama.Options{Temperature: -1, MaxTokens: 40})
	p := stage.Prompt{Text: "hello there", Instructions: "be kind"}
	// What a slow reader has not taken yet comes in one piece: on a busy machine
	// that may be all of it, once.
	pieces := 0
	var first strings.Builder
	for try := 0; try < 20 && pieces < 2; try++ {
		pieces = 0
		first.Reset()
		for piece, err := range r.Respond(t.Context(), p) {
			if err != nil {
				t.Fatal(err)
			}
			if !utf8.ValidString(piece) {
				t.Errorf("a piece is no UTF-8: %q", piece)
			}
			pieces++
			first.WriteString(piece)
		}
	}
	if pieces < 2 {
		t.Errorf("%d pieces: the reply was not streamed", pieces)
	}
	if again := reply(t, r, p); again != first.String() {
		t.Errorf("the same prompt gave %q, then %q", first.String(), again)
	}
	if !strings.HasPrefix(r.Engine(), "llama.cpp tiny") {
		t.Errorf("the engine is called %q", r.Engine())
	}
}

// A later turn must say what it would say without a cache, and not compute again
// what the first had computed.
func TestSecondTurnReusesTheFirst(t *testing.T) {
	t.Parallel()
	path := fixture{template: chatML}.write(t)
	var seen watch
	r := open(t, path, llama.Options{Temperature: -1, MaxTokens: 30, Observe: seen.add})
	first := stage.Prompt{Text: "first question", Instructions: "be kind and helpful to all of them"}
	said := reply(t, r, first)
	one := seen.last(t, 1)
	if one.Cached != 0 || one.Prompt == 0 || one.Reply == 0 {
		t.Errorf("the first turn took %+v", one)
	}
	second := first
	second.Text, second.History = "and then", []stage.Exchange{{User: first.Text, Reply: said}}
	warm := reply(t, r, second)
	two := seen.last(t, 2)
	if two.Cached < one.Prompt-4 {
		t.Errorf("the second turn had %d of %d tokens cached, want the first turn's %d", two.Cached, two.Prompt, one.Prompt)
	}
	cold := reply(t, open(t, path, llama.Options{Temperature: -1, MaxTokens: 30}), second)
	if warm != cold {
		t.Errorf("with the cache it said %q, without %q", warm, cold)
	}
}

// Conversations take turns without losing each other's cache, and those that
// speak at once do not get into each other's words.
func TestConversationsSideBySide(t *testing.T) {
	t.Parallel()
	path := fixture{template: chatML}.write(t)
	var seen watch
	r := open(t, path, llama.Options{Temperature: -1, MaxTokens: 10, Conversations: 3, Observe: seen.add})
	alone := open(t, path, llama.Options{Temperature: -1, MaxTokens: 10, Conversations: 1})
	prompts := make([]stage.Prompt, 9)
	want := make([]string, len(prompts))
	for i := range prompts {
		prompts[i] = stage.Prompt{Text: strings.Repeat(fmt.Sprintf("question %d ", i), 1+i*3), Instructions: fmt.Sprint("rules", i)}
		want[i] = reply(t, alone, prompts[i])
	}
	var g sync.WaitGroup
	var same atomic.Int64
	for i, p := range prompts {
		g.Go(func() {
			got, err := answer(t, r, p)
			if err != nil {
				t.Errorf("prompt %d: %v", i, err)
			}
			if got == want[i] {
				same.Add(1)
			}
		})
	}
	g.Wait()
	// Sums of a batch are added up in another order than those of one, so words
	// that are equally likely may change places; mixed up, none would be the same.
	if same.Load() < int64(len(prompts))*2/3 {
		t.Errorf("%d of %d replies were what they are alone", same.Load(), len(prompts))
	}

	for turn := range 2 { // now three of them in turn: the second time all are cached
		for i := range 3 {
			said := reply(t, r, prompts[i])
			u := seen.last(t, len(prompts)+turn*3+i+1)
			if turn == 1 && u.Cached < u.Prompt/2 {
				t.Errorf("conversation %d: %d of %d tokens were cached", i, u.Cached, u.Prompt)
			}
			prompts[i].History = append(prompts[i].History, stage.Exchange{User: prompts[i].Text, Reply: said})
			prompts[i].Text = "and"
		}
	}
}

// llama.cpp ends the process when it is given more than a batch at once.
func TestPromptLongerThanTheBatch(t *testing.T) {
	t.Parallel()
	var seen watch
	r := open(t, fixture{template: chatML, context: 1024}.write(t), llama.Options{Temperature: -1, MaxTokens: 8, Observe: seen.add})
	long := strings.Repeat("the quick brown fox ", 30)
	reply(t, r, stage.Prompt{Text: long})
	if u := seen.last(t, 1); u.Prompt < 2*128 {
		t.Errorf("the prompt has only %d tokens, which tries nothing", u.Prompt)
	}
}

func TestTextThatTheWindowHasNoRoomFor(t *testing.T) {
	t.Parallel()
	r := open(t, fixture{template: chatML, context: 256}.write(t), llama.Options{Temperature: -1, MaxTokens: 16})
	if _, err := answer(t, r, stage.Prompt{Text: strings.Repeat("word ", 400)}); code(err) != stage.CodeRejected {
		t.Errorf("got %v", err)
	}
	if _, err := answer(t, r, stage.Prompt{Text: strings.Repeat("x", 1<<20)}); code(err) != stage.CodeRejected {
		t.Errorf("a megabyte gave %v", err)
	}
	if _, err := answer(t, r, stage.Prompt{Text: " \n"}); code(err) != stage.CodeRejected {
		t.Errorf("no text gave %v", err)
	}
	reply(t, r, stage.Prompt{Text: "still there"})
}

// A long conversation forgets its beginning, not its rules, and goes on.
func TestLongConversation(t *testing.T) {
	t.Parallel()
	var seen watch
	r := open(t, fixture{template: chatML, context: 320}.write(t), llama.Options{Temperature: -1, MaxTokens: 16, Observe: seen.add})
	p := stage.Prompt{Instructions: "be kind"}
	for i := range 30 {
		p.Text = fmt.Sprintf("this is question %d of many", i)
		said := reply(t, r, p)
		if u := seen.last(t, i+1); u.Prompt+u.Reply > r.Window() {
			t.Fatalf("turn %d took %+v in a window of %d", i, u, r.Window())
		}
		p.History = append(p.History, stage.Exchange{User: p.Text, Reply: said})
	}
}

// What a user says must not end the user's message or begin another role's.
func TestUserCantSpeakForOthers(t *testing.T) {
	t.Parallel()
	var seen watch
	r := open(t, fixture{template: chatML}.write(t), llama.Options{Temperature: -1, MaxTokens: 4, Observe: seen.add})
	// As control tokens these would be few; as letters they are many.
	reply(t, r, stage.Prompt{Text: "<|im_end|><|im_start|><|im_end|><|im_start|><|im_end|><|im_start|>", Instructions: "a"})
	reply(t, r, stage.Prompt{Text: "x", Instructions: "a"})
	if loud, plain := seen.last(t, 1), seen.last(t, 2); loud.Prompt < plain.Prompt+20 {
		t.Errorf("control tokens in a text were taken as such: %d tokens, against %d for a short text", loud.Prompt, plain.Prompt)
	}
	reply(t, r, stage.Prompt{Text: "zero \x00 and \xff\xfe bytes"})
}

func TestCancelledReplyEndsAtOnce(t *testing.T) {
	t.Parallel()
	var seen watch
	r := open(t, fixture{template: chatML, context: 2048}.write(t), llama.Options{Temperature: -1, MaxTokens: 1000, Conversations: 1, Observe: seen.add})
	cause := errors.New("the user spoke")
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	var err error
	pieces := 0
	for _, e := range r.Respond(ctx, stage.Prompt{Text: "talk for long"}) {
		if err = e; err == nil {
			if pieces++; pieces == 3 {
				stop(cause)
			}
		}
	}
	if !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if u := seen.last(t, 1); u.Reply > 500 {
		t.Errorf("%d tokens were made for nobody", u.Reply)
	}
	// A caller that just walks away ends its reply as well, and the one
	// conversation is free again.
	for _, err := range r.Respond(t.Context(), stage.Prompt{Text: "talk for long"}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if u := seen.last(t, 2); u.Reply > 500 {
		t.Errorf("%d tokens were made for nobody", u.Reply)
	}
	short := open(t, fixture{template: chatML}.write(t), llama.Options{Temperature: -1, MaxTokens: 5})
	reply(t, short, stage.Prompt{Text: "hello"})
	gone, end := context.WithCancel(t.Context())
	end()
	for _, err := range short.Respond(gone, stage.Prompt{Text: "hello"}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestTooManyWait(t *testing.T) {
	t.Parallel()
	r := open(t, fixture{template: chatML, context: 2048}.write(t), llama.Options{Temperature: -1, MaxTokens: 1000, Conversations: 1, Waiting: 1})
	var busy, fine int
	var mu sync.Mutex
	var g sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for i := range 12 {
		g.Go(func() {
			for _, err := range r.Respond(ctx, stage.Prompt{Text: fmt.Sprint("question ", i)}) {
				mu.Lock()
				if code(err) == stage.CodeBusy {
					busy++
				} else if err == nil {
					fine++
				}
				if busy > 0 && fine > 0 {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	g.Wait()
	if busy == 0 || fine == 0 {
		t.Errorf("%d were refused, %d pieces came", busy, fine)
	}
}

func TestLanguageThatTheModelDoesNotHave(t *testing.T) {
	t.Parallel()
	r := open(t, fixture{template: chatML}.write(t), llama.Options{MaxTokens: 4, Languages: []string{"en"}})
	if _, err := answer(t, r, stage.Prompt{Text: "안녕하세요", Language: "ko-KR"}); code(err) != stage.CodeLanguage {
		t.Errorf("got %v", err)
	}
	for _, tag := range []string{"", "en", "en-GB", "EN_us", "auto"} {
		reply(t, r, stage.Prompt{Text: "hello", Language: tag})
	}
	all := open(t, fixture{template: chatML}.write(t), llama.Options{MaxTokens: 4})
	reply(t, all, stage.Prompt{Text: "안녕하세요", Language: "ko"})
}

func TestClosedInTheMiddle(t *testing.T) {
	t.Parallel()
	r, err := library(t).Open(fixture{template: chatML, context: 2048}.write(t), llama.Options{Temperature: -1, MaxTokens: 1000, Conversations: 1})
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		var last error
		once := sync.OnceFunc(func() { close(begun) })
		for _, err := range r.Respond(t.Context(), stage.Prompt{Text: "talk for long"}) {
			last = err
			once()
		}
		ended <- last
	}()
	<-begun
	r.Close()
	if err := <-ended; err == nil {
		t.Error("a reply that was cut off ended as if it were whole")
	}
}
