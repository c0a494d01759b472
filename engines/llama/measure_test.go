package llama_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sori/engines/llama"
	"sori/stage"
)

// BenchmarkConversation measures a model that SORI_GGUF names, on SORI_THREADS
// processors (1): six turns of a spoken conversation. It reports the tokens a
// second, what the second and later turns wait for their first token, and the
// memory of the process.
func BenchmarkConversation(b *testing.B) {
	path := os.Getenv("SORI_GGUF")
	if path == "" {
		b.Skip("SORI_GGUF names no model")
	}
	threads := 1
	if s := os.Getenv("SORI_THREADS"); s != "" {
		var err error
		if threads, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	questions := []string{
		"What is the capital of France?", "How many people live there?", "What should I eat there?",
		"How do you say thank you in French?", "What is the highest mountain on earth?", "Tell me a short story about a dog.",
	}
	for b.Loop() {
		var seen watch
		r := open(b, path, llama.Options{Observe: seen.add, Seed: 1, Threads: threads})
		var p stage.Prompt
		var first, later, prompt, talk time.Duration
		tokens := 0
		for i, q := range questions {
			p.Text = q
			said := reply(b, r, p)
			b.Logf("%s -> %s", q, said)
			p.History = append(p.History, stage.Exchange{User: q, Reply: said})
			u := seen.last(b, i+1)
			b.Logf("%+v", u)
			if i == 0 {
				first, prompt = u.First, u.First/time.Duration(max(u.Prompt, 1))
			} else {
				later += u.First
			}
			tokens += u.Reply
			talk += u.Total - u.First
		}
		b.ReportMetric(float64(tokens)/talk.Seconds(), "tokens/s")
		b.ReportMetric(float64(first.Milliseconds()), "first-ms")
		b.ReportMetric(float64(later.Milliseconds())/float64(len(questions)-1), "later-ms")
		b.ReportMetric(float64(prompt.Microseconds()), "µs/prompt-token")
		b.ReportMetric(float64(resident(b)), "MB")
	}
}

// resident is the memory of this process, in MB, with the file of the model.
func resident(b *testing.B) int {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			if kb, err := strconv.Atoi(fields[1]); err == nil {
				return kb >> 10
			}
		}
	}
	b.Fatal("no VmRSS in /proc/self/status")
	return 0
}
