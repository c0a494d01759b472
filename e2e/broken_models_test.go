//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sori/client"
	"sori/engines/models"
	"sori/protocol"
)

// readyPart is what /readyz says of a part.
type readyPart struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Warning string `json:"warning"`
}

// partsOf gives what /readyz says of the parts, and whether the server is ready.
func partsOf(s *sori) (bool, map[string]readyPart) {
	var r struct {
		Ready bool        `json:"ready"`
		Parts []readyPart `json:"parts"`
	}
	s.get("/readyz", &r)
	all := map[string]readyPart{}
	for _, p := range r.Parts {
		all[p.Name] = p
	}
	return r.Ready, all
}

// modelsOfOurs is a folder with links to the fetched models, in which a test
// breaks what it likes: the files of the folders that are named are copies.
func modelsOfOurs(t *testing.T, copied ...string) string {
	t.Helper()
	from, err := models.Dir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	there := func(names ...string) bool {
		bundles, err := models.Select(nil, models.Extras(runtime.GOOS, runtime.GOARCH), names...)
		return err == nil && models.Check(from, bundles) == nil
	}
	if !there(models.NameJoe, models.NameLlama, models.NameSmolLM, models.NameEar) {
		const fetch = "`sori models pull piper-joe smollm2 whisper` fetches what this needs"
		if os.Getenv("CI") == "true" && os.Getenv("SORI_EXTRAS") != "missing" {
			t.Fatal(fetch)
		}
		t.Skip(fetch)
	}
	dir := t.TempDir()
	folders, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		source, target := filepath.Join(from, f.Name()), filepath.Join(dir, f.Name())
		if !slices.ContainsFunc(copied, func(c string) bool { return strings.HasPrefix(f.Name(), c) }) {
			if err := os.Symlink(source, target); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.CopyFS(target, os.DirFS(source)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// breakFile does something to the one file that fits a pattern.
func breakFile(t *testing.T, pattern string, do func(path string) error) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s is %v, %v", pattern, files, err)
	}
	if err := do(files[0]); err != nil {
		t.Fatal(err)
	}
}

// fillWithRubbish fills a file with what it is not, in its own length.
func fillWithRubbish(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	// Another file takes its place: the process has the old one mapped.
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Repeat("rubbish ", int(st.Size())/8+1))[:st.Size()], 0o600)
}

// Models break while the server runs: what is loaded goes on, and when the engine
// process starts again without them, the engines before them serve, which
// everybody is told who asks.
func TestModelsBreakWhileServing(t *testing.T) {
	t.Parallel()
	dir := modelsOfOurs(t, "smollm2", "piper", "whisper-base")
	s := serve(t, "--models", dir, "--ttot", "local:smollm2?tokens=8", "--tts", "local:")
	conn := dial(t, s, format(16000))
	engines := func() (string, string, bool) {
		a := ask(t, conn, client.Turn{Text: "hello"})
		return a.Record.Engines.TTOT, a.Record.Engines.TTS, a.Done()
	}
	if ttot, tts, ok := engines(); !ok || !strings.HasPrefix(ttot, "llama.cpp ") || !strings.HasPrefix(tts, "piper ") {
		t.Fatalf("%q answers and %q speaks, done %v", ttot, tts, ok)
	}
	if ready, all := partsOf(s); !ready || all["ttot"].Warning+all["tts"].Warning+all["atot"].Warning != "" {
		t.Errorf("before anything is broken: %v %+v", ready, all)
	}

	breakFile(t, dir+"/smollm2*/*.gguf", fillWithRubbish)
	breakFile(t, dir+"/piper*/*.onnx", os.Remove)
	breakFile(t, dir+"/whisper-base*/model.bin", func(path string) error { return os.Truncate(path, 1000) })
	if ttot, tts, ok := engines(); !ok || !strings.HasPrefix(ttot, "llama.cpp ") || !strings.HasPrefix(tts, "piper ") {
		t.Errorf("what was loaded does not go on: %q answers and %q speaks, done %v", ttot, tts, ok)
	}

	killProcess(t, onlyChild(t, s.cmd.Process.Pid))
	var all map[string]readyPart
	for deadline := time.Now().Add(30 * time.Second); all["ttot"].Warning == ""; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("30 s after the process died nothing is missing: %+v\n%s", all, tail(s.out.String()))
		}
		_, all = partsOf(s)
	}
	for name, says := range map[string]string{"ttot": "built-in-responder serves", "tts": "flite serves", "atot": "without ko"} {
		if w := all[name].Warning; !strings.Contains(w, "can't be loaded") || !strings.Contains(w, says) || strings.Contains(w, dir) {
			t.Errorf("/readyz says of %s: %q", name, w)
		}
		if !strings.Contains(s.out.String(), `"level":"ERROR","msg":"a local engine is missing, another serves","stage":"`+name) {
			t.Errorf("nothing of %s in the log", name)
		}
	}
	ctx := t.Context()
	again, err := client.Dial(ctx, s.ws(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.CloseNow() }()
	ready, err := again.Configure(ctx, format(16000), nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := ready.Engines; e.TTOT != "built-in-responder" || e.TTS != "flite" {
		t.Errorf("session.ready names %+v", e)
	}
	var told []string
	a, err := again.Ask(ctx, client.Turn{Text: "hello"}, func(m client.Message) {
		switch m := m.Event.(type) {
		case protocol.StageStarted:
			told = append(told, m.Engine)
		case protocol.Warning:
			told = append(told, m.Code)
		}
	}, nil)
	if err != nil || !a.Done() || a.Record.Engines.TTOT != "built-in-responder" || a.Record.Engines.TTS != "flite" || len(a.Audio) == 0 {
		t.Errorf("%v, %+v", err, a.Record)
	}
	if !slices.Contains(told, "built-in-responder") || !slices.Contains(told, "flite") || !slices.Contains(told, protocol.WarnEngineFallback) {
		t.Errorf("told: %q", told)
	}
	var out, errs string
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(out, "is ready") && time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		out, errs, _ = run(t, "doctor", "--url", s.url())
	}
	if !strings.Contains(out+errs, "flite serves") {
		t.Errorf("doctor: %s %s", out, errs)
	}
}
