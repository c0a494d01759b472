package llama

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// functions are llama.cpp's, by their C names without "llama_".
type functions struct {
	backendInit      func()
	logSet           func(callback, data uintptr)
	modelDefaults    func() modelParams
	contextDefaults  func() contextParams
	modelLoad        func(path string, p modelParams) uintptr
	modelFree        func(model uintptr)
	modelVocab       func(model uintptr) uintptr
	modelTemplate    func(model uintptr, name *byte) string
	modelCtxTrain    func(model uintptr) int32
	modelEmbd        func(model uintptr) int32
	modelLayers      func(model uintptr) int32
	modelHeads       func(model uintptr) int32
	modelHeadsKV     func(model uintptr) int32
	modelHasDecoder  func(model uintptr) bool
	modelHasEncoder  func(model uintptr) bool
	modelSize        func(model uintptr) uint64
	contextInit      func(model uintptr, p contextParams) uintptr
	contextFree      func(ctx uintptr)
	contextCtxSeq    func(ctx uintptr) uint32
	contextMemory    func(ctx uintptr) uintptr
	memorySeqRemove  func(mem uintptr, seq, p0, p1 int32) bool
	memorySeqCopy    func(mem uintptr, from, to, p0, p1 int32)
	vocabTokens      func(vocab uintptr) int32
	vocabIsControl   func(vocab uintptr, token int32) bool
	vocabIsEOG       func(vocab uintptr, token int32) bool
	vocabText        func(vocab uintptr, token int32) string
	tokenize         func(vocab uintptr, text *byte, n int32, tokens *int32, tokensLen int32, addSpecial, parseSpecial bool) int32
	tokenToPiece     func(vocab uintptr, token int32, buf *byte, n, lstrip int32, special bool) int32
	applyTemplate    func(template string, chat *chatMessage, n uint64, addAssistant bool, buf *byte, length int32) int32
	batchInit        func(tokens, embd, seqs int32) batch
	batchFree        func(b batch)
	setAbort         func(ctx, callback, data uintptr)
	decode           func(ctx uintptr, b batch) int32
	samplerChain     func(noPerf bool) uintptr
	samplerAdd       func(chain, sampler uintptr)
	samplerGreedy    func() uintptr
	samplerDist      func(seed uint32) uintptr
	samplerTopK      func(k int32) uintptr
	samplerTopP      func(p float32, keep uint64) uintptr
	samplerMinP      func(p float32, keep uint64) uintptr
	samplerTemp      func(t float32) uintptr
	samplerPenalties func(vocabSize, lastN int32, repeat, freq, present float32) uintptr
	samplerSample    func(sampler, ctx uintptr, at int32) int32
	samplerFree      func(sampler uintptr)
}

// bindings names the C function of each field.
func (f *functions) bindings() map[string]any {
	return map[string]any{
		"llama_backend_init":           &f.backendInit,
		"llama_log_set":                &f.logSet,
		"llama_model_default_params":   &f.modelDefaults,
		"llama_context_default_params": &f.contextDefaults,
		"llama_model_load_from_file":   &f.modelLoad,
		"llama_model_free":             &f.modelFree,
		"llama_model_get_vocab":        &f.modelVocab,
		"llama_model_chat_template":    &f.modelTemplate,
		"llama_model_n_ctx_train":      &f.modelCtxTrain,
		"llama_model_n_embd":           &f.modelEmbd,
		"llama_model_n_layer":          &f.modelLayers,
		"llama_model_n_head":           &f.modelHeads,
		"llama_model_n_head_kv":        &f.modelHeadsKV,
		"llama_model_has_decoder":      &f.modelHasDecoder,
		"llama_model_has_encoder":      &f.modelHasEncoder,
		"llama_model_size":             &f.modelSize,
		"llama_init_from_model":        &f.contextInit,
		"llama_free":                   &f.contextFree,
		"llama_n_ctx_seq":              &f.contextCtxSeq,
		"llama_get_memory":             &f.contextMemory,
		"llama_memory_seq_rm":          &f.memorySeqRemove,
		"llama_memory_seq_cp":          &f.memorySeqCopy,
		"llama_vocab_n_tokens":         &f.vocabTokens,
		"llama_vocab_is_control":       &f.vocabIsControl,
		"llama_vocab_is_eog":           &f.vocabIsEOG,
		"llama_vocab_get_text":         &f.vocabText,
		"llama_tokenize":               &f.tokenize,
		"llama_token_to_piece":         &f.tokenToPiece,
		"llama_chat_apply_template":    &f.applyTemplate,
		"llama_batch_init":             &f.batchInit,
		"llama_batch_free":             &f.batchFree,
		"llama_set_abort_callback":     &f.setAbort,
		"llama_decode":                 &f.decode,
		"llama_sampler_chain_init":     &f.samplerChain,
		"llama_sampler_chain_add":      &f.samplerAdd,
		"llama_sampler_init_greedy":    &f.samplerGreedy,
		"llama_sampler_init_dist":      &f.samplerDist,
		"llama_sampler_init_top_k":     &f.samplerTopK,
		"llama_sampler_init_top_p":     &f.samplerTopP,
		"llama_sampler_init_min_p":     &f.samplerMinP,
		"llama_sampler_init_temp":      &f.samplerTemp,
		"llama_sampler_init_penalties": &f.samplerPenalties,
		"llama_sampler_sample":         &f.samplerSample,
		"llama_sampler_free":           &f.samplerFree,
	}
}

// Library is llama.cpp, loaded for the life of the process. Its methods may be
// called from many goroutines.
type Library struct {
	functions

	dir string

	mu   sync.Mutex
	said []string // guarded by mu: the last complaints, oldest first
}

// maxSaid is how many of the library's complaints are kept.
const maxSaid = 8

// Load loads llama.cpp from a folder that holds libllama, libggml and
// libggml-base in one version, and the libggml-cpu of this processor. A library
// whose structs are laid out in another way than this package knows is refused.
// A process loads it once.
func Load(dir string) (*Library, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("llama: the folder of the libraries: %w", err)
	}
	l := &Library{dir: dir}
	base, err := openShared(dir, "libggml-base")
	if err != nil {
		return nil, err
	}
	ggml, err := openShared(dir, "libggml")
	if err != nil {
		return nil, err
	}
	llama, err := openShared(dir, "libllama")
	if err != nil {
		return nil, err
	}
	for name, at := range l.bindings() {
		if err := bind(at, llama, name); err != nil {
			return nil, err
		}
	}
	m, c := l.modelDefaults(), l.contextDefaults()
	if err := checkDefaults(&m, &c); err != nil {
		return nil, fmt.Errorf("llama: %s is a version of llama.cpp that sori does not know: %w", dir, err)
	}
	l.logSet(purego.NewCallback(l.heard), 0)
	l.backendInit()
	return l, l.loadBackends(ggml, base)
}

// loadBackends finds the code for this processor.
func (l *Library) loadBackends(ggml, base uintptr) error {
	var loadAll func(dir string)
	var devices func() uint64
	if err := bind(&loadAll, ggml, "ggml_backend_load_all_from_path"); err != nil {
		return err
	}
	if err := bind(&devices, ggml, "ggml_backend_dev_count"); err != nil {
		if err := bind(&devices, base, "ggml_backend_dev_count"); err != nil {
			return err
		}
	}
	loadAll(l.dir)
	if devices() == 0 {
		return fmt.Errorf("llama: %s holds no libggml-cpu for this processor%s", l.dir, l.reason())
	}
	return nil
}

// openShared opens one of the libraries, whose file's name may have a version.
func openShared(dir, name string) (uintptr, error) {
	ending := ".so"
	if runtime.GOOS == "darwin" {
		ending = ".dylib"
	}
	found := filepath.Join(dir, name+ending)
	if _, err := os.Stat(found); err != nil {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return 0, fmt.Errorf("llama: the folder of the libraries: %w", err)
		}
		found = ""
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), name+".") && strings.HasSuffix(e.Name(), ending) {
				found = filepath.Join(dir, e.Name())
			}
		}
		if found == "" {
			return 0, fmt.Errorf("llama: %s holds no %s%s; `sori models pull llama` fetches llama.cpp", dir, name, ending)
		}
	}
	lib, err := dlopen(found)
	if err != nil {
		return 0, fmt.Errorf("llama: the library can't be loaded: %w", err)
	}
	return lib, nil
}

// bind makes the Go function at fn call the C function.
func bind(fn any, lib uintptr, name string) error {
	at, err := dlsym(lib, name)
	if err != nil {
		return fmt.Errorf("llama: another version of llama.cpp than sori knows: %w", err)
	}
	purego.RegisterFunc(fn, at)
	return nil
}

// Levels of the library's messages.
const (
	levelWarn  = 3
	levelError = 4
)

// heard takes what the library has to say: complaints are kept for the next
// error, the rest is dropped.
func (l *Library) heard(level int32, text, _ uintptr) uintptr {
	if level != levelWarn && level != levelError {
		return 0
	}
	line := strings.TrimSpace(goString(text))
	if line == "" {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.said) == maxSaid {
		l.said = l.said[1:]
	}
	l.said = append(l.said, line)
	return 0
}

// forget drops old complaints.
func (l *Library) forget() {
	l.mu.Lock()
	l.said = nil
	l.mu.Unlock()
}

// reason gives the library's first complaint since forget, as the end of a
// sentence; the later ones only tell whom it was passed on to.
func (l *Library) reason() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.said) == 0 {
		return ""
	}
	said := l.said[0]
	if _, after, ok := strings.Cut(said, ": "); ok {
		said = after // the C function's name
	}
	return ": " + strings.TrimPrefix(said, "error loading model: ")
}

// goString copies a C string.
func goString(addr uintptr) string {
	if addr == 0 {
		return ""
	}
	p, n := cMemory(addr), 0
	for n < 1<<16 && *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// cMemory turns an address that C gave into a pointer. It is for C's memory
// only, which Go's collector neither moves nor frees.
func cMemory(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

// cSlice views n elements of C memory.
func cSlice[T any](addr uintptr, n int) []T { return unsafe.Slice((*T)(cMemory(addr)), n) }

// errZero says that a C string would be cut at a zero.
var errZero = errors.New("a zero byte in a text")

// cText gives a C string in Go's memory.
func cText(s string) (*byte, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, errZero
	}
	b := append([]byte(s), 0)
	return &b[0], nil
}
