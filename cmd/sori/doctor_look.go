package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sori/engines/models"
	"sori/engines/ort"
	"sori/history"
	"sori/stage"
)

// surgery is where the examinations take place. What one of them opens, a later
// one uses.
type surgery struct {
	*doctorCmd
	*console
	log *slog.Logger

	files   *models.Files // nil while it is not known that all models are there
	engines *engines      // nil while they are not started

	speech     []byte // what TTS spoke
	speechRate int
}

func (s *surgery) close() {
	if s.engines != nil {
		_ = s.engines.close() // nothing is left to be done about it
	}
}

func (s *surgery) examinations() []examination {
	return []examination{
		{"data", s.lookData},
		{"store", s.lookStore},
		{"models", s.lookModels},
		{"extras", s.lookExtras},
		{"library", s.lookLibrary},
		{"engines", s.lookEngines},
		{"tts", s.lookTTS},
		{"atot", s.lookATOT},
		{"ttot", s.lookTTOT},
		{"languages", s.lookLanguages},
		{"address", s.lookAddress},
	}
}

// lookData sees whether the data folder can be written, without making it.
func (s *surgery) lookData(context.Context) finding {
	dir, err := s.folder(s.console)
	if err != nil {
		return found(bad, "", "%v", err)
	}
	at, isNew := dir, false
	for {
		info, statErr := os.Stat(at)
		if statErr == nil && !info.IsDir() {
			return found(bad, "Name another folder with --data.", "%s is no folder", at)
		}
		if statErr == nil {
			break
		}
		if !errors.Is(statErr, fs.ErrNotExist) || filepath.Dir(at) == at {
			return found(bad, "Name another folder with --data.", "%v", statErr)
		}
		at, isNew = filepath.Dir(at), true
	}
	f, err := os.CreateTemp(at, ".sori-*")
	if err != nil {
		return found(bad, "Change its owner, or name another folder with --data.", "%s can't be written: %v", at, errors.Unwrap(err))
	}
	_ = f.Close()           // it is empty
	_ = os.Remove(f.Name()) // it was made here
	if isNew {
		return found(fine, "", "%s will be made by the first start", dir)
	}
	return found(fine, "", "%s can be written", dir)
}

// lookStore opens the store and asks it how it is.
func (s *surgery) lookStore(ctx context.Context) finding {
	dir, err := s.folder(s.console)
	if err != nil {
		return found(bad, "", "%v", err)
	}
	path, _, err := s.storeURL(dir)
	if err != nil {
		return found(bad, "", "%v", err)
	}
	if path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return found(fine, "", "SQLite, %s will be made by the first start", path)
		}
	}
	redis, err := s.connect(s.getenv)
	if err != nil {
		return found(bad, "", "%v", err)
	}
	if redis != nil {
		defer redis.Close()
	}
	store, name, err := s.open(ctx, dir, redis)
	if err != nil {
		return found(bad, "", "%v", err)
	}
	defer store.Close()
	if err := store.Ping(ctx); err != nil {
		do := "Turns are kept on disk until it is back, so sori starts all the same. Is it running, and is the address right?"
		if path != "" {
			do = "Move the file away, or name another with --store sqlite:PATH."
		}
		if errors.Is(err, history.ErrUnavailable) && path == "" {
			return found(bad, do, "%s does not answer: %v", name, err)
		}
		return found(bad, do, "%s: %v", name, err)
	}
	users, err := store.UserIDs(ctx)
	if err != nil {
		return found(bad, "", "%s: %v", name, err)
	}
	return found(fine, "", "%s, %d users", name, len(users))
}

// needsModels says whether the configured engines need the models.
func (s *surgery) needsModels() bool { return isLocal(s.ATOT) || isLocal(s.TTS) }

// lookModels reads all model files.
func (s *surgery) lookModels(ctx context.Context) finding {
	dir, bundles, err := s.find(s.console)
	if err != nil {
		return s.modelTrouble(err)
	}
	if err = models.Check(dir, bundles); err != nil {
		return s.modelTrouble(err)
	}
	if err = models.Verify(ctx, dir, bundles); err != nil {
		return s.modelTrouble(err)
	}
	files, err := models.Locate(dir, bundles)
	if err != nil {
		return s.modelTrouble(err)
	}
	s.files = &files
	var bytes int64
	for i := range bundles {
		bytes += bundles[i].Size()
	}
	return found(fine, "", "all there and unharmed, %d MB in %s", bytes/1_000_000, dir)
}

// modelTrouble says what is wrong with the models. With remote engines only
// voice activity suffers.
func (s *surgery) modelTrouble(err error) finding {
	says, do := err.Error(), "`sori models pull` fetches them."
	if e, ok := errors.AsType[*models.Error](err); ok {
		says, do = e.What, e.Do
	}
	if !s.needsModels() {
		return found(warn, do, "%s; without them a simpler voice detector is used", says)
	}
	return found(bad, do, "%s", says)
}

// lookLibrary loads the library that runs the models.
func (s *surgery) lookLibrary(context.Context) finding {
	if s.files == nil {
		return found(warn, "", "not looked at, for the models are not there")
	}
	r, err := ort.Open(s.files.Runtime)
	if err != nil {
		return found(bad, "It needs glibc and libstdc++: on Debian, apt-get install libstdc++6. Alpine can't run it.", "the ONNX Runtime can't be loaded: %v", err)
	}
	return found(fine, "", "ONNX Runtime %s", r.Version())
}

// lookEngines starts the local engines and asks all engines whether they are
// there.
func (s *surgery) lookEngines(ctx context.Context) finding {
	if s.needsModels() && s.files == nil {
		return found(bad, "", "the local engines can't start without their models")
	}
	modelsDir, _, err := s.find(s.console)
	if err != nil && s.needsModels() {
		return s.modelTrouble(err)
	}
	dataDir, err := s.folder(s.console)
	if err != nil {
		return found(bad, "", "%v", err)
	}
	if _, statErr := os.Stat(dataDir); statErr != nil {
		dataDir = "" // to look is not to make it
	}
	e, err := startEngines(ctx, s.console, &s.engineURLs, modelsDir, dataDir, s.log, eyes{})
	if err != nil {
		return found(bad, "", "%v", err)
	}
	s.engines = e
	if err := e.wait(ctx); err != nil {
		return found(bad, "", "%v", err)
	}
	var wrong, names []string
	for _, c := range e.checks(ctx) {
		names = append(names, c.Engine)
		if c.Err != nil {
			wrong = append(wrong, stage.AsError(stage.Name("engine"), c.Err).Message)
		}
	}
	var missing []string
	for _, name := range []stage.Name{stage.ATOT, stage.TTOT, stage.TTS} {
		if why := e.known.why(name); why != "" {
			missing = append(missing, why+".")
		}
	}
	switch {
	case len(wrong) == len(names):
		return found(bad, "Is it running, and is the address right?", "%s", strings.Join(wrong, " "))
	case len(wrong) > 0:
		return found(warn, "", "%s The others answer: %s", strings.Join(wrong, " "), strings.Join(names, ", "))
	}
	if len(missing) > 0 {
		return found(warn, "`sori models verify` looks at the models' files.", "%s", strings.Join(missing, " "))
	}
	return found(fine, "", "%s", strings.Join(names, ", "))
}

// lookAddress sees whether the server could listen, or does already.
func (s *surgery) lookAddress(ctx context.Context) finding {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Addr)
	if err == nil {
		_ = ln.Close() // nobody connected
		return found(fine, "", "%s is free", s.Addr)
	}
	if r, askErr := askReady(ctx, "http://"+reachable(s.Addr)); askErr == nil {
		return found(fine, "", "a sori answers at %s already, with %d sessions", s.Addr, r.Sessions)
	}
	return found(bad, "Stop the program that listens there, or choose another address with --addr.", "%v", err)
}

// reachable is the address at which a listener at addr is found from here.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// askTimeout bounds a question to a running server.
const askTimeout = 4 * time.Second
