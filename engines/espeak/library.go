package espeak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// MaxText is the longest text, in bytes, that one call takes.
const MaxText = 4 << 10

// Constants of speak_lib.h.
const (
	outputSynchronous = 2
	dontExit          = 0x8000
	charsUTF8         = 1
	phonemesIPA       = 0x02
	positionCharacter = 1
)

// functions are espeak-ng's, by their C names without "espeak_".
type functions struct {
	initialize  func(output, buffer int32, path *byte, options int32) int32
	setVoice    func(name string) int32
	toPhonemes  func(text **byte, mode, phonemeMode int32) string
	setCallback func(callback uintptr)
	synth       func(text *byte, size uint64, position uint32, positionType int32, end, flags uint32, id *uint32, data uintptr) int32
}

// Library is espeak-ng, loaded for the life of the process. Its methods may be
// called from many goroutines; they take turns.
type Library struct {
	functions

	path     *byte // of the data, nil for the library's own
	callback uintptr
	rate     int

	// Guarded by theirs.
	voice string // the one that is set
	heard func(pcm []int16) bool
}

// theirs is espeak-ng's own state: data, voice and callback are one for the
// process, however often it is loaded.
var theirs struct { //nolint:gochecknoglobals // it is one in C
	sync.Mutex

	of *Library // as which it is set up; nil: as none
}

// enter takes espeak-ng for the library, and sets it up where another one had it.
// The caller unlocks theirs, also after an error.
func (l *Library) enter() error {
	theirs.Lock()
	if theirs.of == l {
		return nil
	}
	theirs.of = nil
	rate := int(l.initialize(outputSynchronous, 0, l.path, dontExit))
	if rate <= 0 || l.rate != 0 && rate != l.rate {
		return errors.New("espeak-ng: it can't read its data")
	}
	l.setCallback(l.callback)
	if l.rate == 0 { // as it is loaded: who asks for it later takes no lock
		l.rate = rate
	}
	l.voice, theirs.of = "", l
	return nil
}

// Load loads the library file and the data folder beside it (the folder that
// holds espeak-ng-data). With library "" it looks for the system's own, where
// dataDir "" stands for the data that belongs to it.
func Load(library, dataDir string) (*Library, error) {
	handle, err := openLibrary(library)
	if err != nil {
		return nil, err
	}
	l := &Library{}
	for name, at := range map[string]any{
		"espeak_Initialize":       &l.initialize,
		"espeak_SetVoiceByName":   &l.setVoice,
		"espeak_TextToPhonemes":   &l.toPhonemes,
		"espeak_SetSynthCallback": &l.setCallback,
		"espeak_Synth":            &l.synth,
	} {
		fn, missing := dlsym(handle, name)
		if missing != nil {
			return nil, fmt.Errorf("espeak-ng: %s is another library: %w", library, missing)
		}
		purego.RegisterFunc(at, fn)
	}
	if dataDir != "" {
		if _, err := os.Stat(filepath.Join(dataDir, "espeak-ng-data", "phontab")); err != nil {
			return nil, fmt.Errorf("espeak-ng: its data: %w", err)
		}
		if l.path, err = cText(dataDir); err != nil {
			return nil, err
		}
	}
	l.callback = purego.NewCallback(l.samples)
	defer theirs.Unlock()
	if err := l.enter(); err != nil {
		return nil, fmt.Errorf("%w in %q", err, dataDir)
	}
	return l, nil
}

// openLibrary opens the file, or the first of the system's names.
func openLibrary(library string) (uintptr, error) {
	if library != "" {
		if _, err := os.Stat(library); err != nil { // the loader's own message is long
			return 0, fmt.Errorf("espeak-ng: %w", err)
		}
		handle, err := dlopen(library)
		if err != nil {
			return 0, fmt.Errorf("espeak-ng: the library can't be loaded: %w", err)
		}
		return handle, nil
	}
	names := []string{"libespeak-ng.so.1", "libespeak-ng.so"}
	if runtime.GOOS == "darwin" {
		names = []string{"libespeak-ng.1.dylib", "/opt/homebrew/lib/libespeak-ng.dylib", "/usr/local/lib/libespeak-ng.dylib"}
	}
	for _, name := range names {
		if handle, err := dlopen(name); err == nil {
			return handle, nil
		}
	}
	return 0, errors.New("espeak-ng: it is not installed: `sori models pull espeak` fetches it, or apt-get install espeak-ng")
}

// Rate is the rate of what the library speaks, in Hz.
func (l *Library) Rate() int { return l.rate }

// Knows says whether there is a voice of that name, such as "en-us" or "ko".
func (l *Library) Knows(voice string) bool {
	defer theirs.Unlock()
	return l.enter() == nil && l.use(voice) == nil
}

// use sets the voice. The caller holds theirs.
func (l *Library) use(voice string) error {
	if l.voice == voice {
		return nil
	}
	if strings.IndexByte(voice, 0) >= 0 || l.setVoice(voice) != 0 {
		return fmt.Errorf("espeak-ng: it has no voice %q, or not the data for it", voice)
	}
	l.voice = voice
	return nil
}

// switchMark is how espeak-ng marks that a word is of another language.
var switchMark = regexp.MustCompile(`\([a-z-]+\)`)

// Phonemes gives the pronunciation of a text in the International Phonetic
// Alphabet, clauses apart by a space, without punctuation.
func (l *Library) Phonemes(voice, text string) (string, error) {
	c, err := checkText(text)
	if err != nil {
		return "", err
	}
	defer theirs.Unlock()
	if err := l.enter(); err != nil {
		return "", err
	}
	if err := l.use(voice); err != nil {
		return "", err
	}
	var clauses []string
	// Each call reads one clause and moves the pointer to the next, or to nil.
	for at, n := c, 0; at != nil && n <= len(text); n++ {
		said := switchMark.ReplaceAllString(l.toPhonemes(&at, charsUTF8, phonemesIPA), "")
		if said = strings.TrimSpace(said); said != "" {
			clauses = append(clauses, said)
		}
	}
	runtime.KeepAlive(c)
	return strings.Join(clauses, " "), nil
}

// Speak says a text and hands the samples to yield as they are made, until yield
// gives false or ctx ends. The samples are yield's during the call only.
func (l *Library) Speak(ctx context.Context, voice, text string, yield func(pcm []int16) bool) error {
	c, err := checkText(text)
	if err != nil {
		return err
	}
	defer theirs.Unlock()
	if err := l.enter(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := l.use(voice); err != nil {
		return err
	}
	l.heard = func(pcm []int16) bool { return ctx.Err() == nil && yield(pcm) }
	defer func() { l.heard = nil }()
	code := l.synth(c, uint64(len(text)+1), 0, positionCharacter, 0, charsUTF8, nil, 0)
	runtime.KeepAlive(c)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if code != 0 {
		return fmt.Errorf("espeak-ng: it could not speak (%d)", code)
	}
	return nil
}

// samples takes what the library speaks; 1 ends it. It is called within Speak,
// which holds theirs.
func (l *Library) samples(wav uintptr, n int32, _ uintptr) uintptr {
	if wav == 0 || n <= 0 || l.heard == nil {
		return 0
	}
	if !l.heard(unsafe.Slice((*int16)(memory(wav)), int(n))) {
		return 1
	}
	return 0
}

// memory turns an address that C gave into a pointer. It is for C's memory only,
// which Go's collector neither moves nor frees.
func memory(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

func checkText(text string) (*byte, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("espeak-ng: a text of %d bytes; at most %d are taken at once", len(text), MaxText)
	}
	return cText(strings.ToValidUTF8(text, " "))
}

// cText gives a C string in Go's memory.
func cText(s string) (*byte, error) {
	if strings.IndexByte(s, 0) >= 0 {
		return nil, errors.New("espeak-ng: a zero byte in a text")
	}
	b := append([]byte(s), 0)
	return &b[0], nil
}
