package sori_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// maxLines keeps a file to one subject. Generated files are exempt.
const maxLines = 500

// A layer says what one package, or a tree of packages ("clients/..."), may
// import of the rest of sori. Whatever is not allowed is forbidden, because of
// why. Tests may import what they like: they stand on both sides of a seam.
type layer struct {
	packages string
	may      []string
	why      string
}

func layers() []layer {
	return []layer{
		{"stage", nil, "stage is a leaf: the words that everything else is written in"},
		{"audio", []string{"stage"}, "audio is formats and arithmetic: it knows the words of the stages and nothing else"},
		{"auth", nil, "auth is a leaf: who a caller is, whatever it wants"},
		{"history", []string{"stage"}, "history holds the record of a turn; stores depend on it, never the other way"},
		{"redisconn", nil, "redisconn is the way to Redis, for all that keep something there: it knows none of them"},
		{"cluster", []string{"redisconn", "session/resume"}, "the directory of sessions knows Redis and the words of those who use it, not what a session is"},
		{"history/...", []string{"history", "redisconn", "stage", "audio"}, "a store knows the record of a turn and its own technology; two stores know nothing of each other"},
		{"protocol", []string{"stage", "history"}, "protocol is the contract with clients: it knows the record of a turn and nothing that runs"},
		{"session", []string{"session/...", "protocol", "audio", "stage", "history", "quota"}, "the actor declares ports.go; stores, clients and engines are plugged into it by cmd/sori, and the server carries it"},
		{"session/resume", nil, "the words that a holder of sessions and a directory of them share: types only, which know neither"},
		{"session/...", []string{"session/...", "protocol", "audio", "stage"}, "what the actor asks about sound and words: plain functions, which know no actor"},
		{"quota", nil, "quota is a leaf: it counts, and knows neither sessions nor stores"},
		{"quota/...", []string{"quota"}, "a ledger knows the counts and its own technology"},
		{"clients/...", []string{"clients/...", "audio", "stage"}, "a client of an engine satisfies the actor's port in the terms of package stage, without importing the actor"},
		{"engines/...", []string{"engines/...", "audio", "stage"}, "an engine runs in its own process and is reached over HTTP: it knows nothing of sessions or of who calls it"},
		{"client", []string{"protocol", "audio", "stage", "history"}, "the client library sees sori from outside, as any client does"},
		{"web", nil, "web is files"},
		{"bench", []string{"audio", "history", "history/redisstore", "history/sqlitestore"}, "bench measures sori from outside, as whole processes; the stores alone are measured where they are"},
		{"telemetry", []string{"session", "history", "stage", "protocol"}, "telemetry satisfies the observers that session and server declare; nobody but cmd/sori knows it"},
		{"realtime", nil, "the wire contract of the OpenAI Realtime API: it knows no session"},
		{"realtime/dialect", []string{"realtime", "session", "session/words", "protocol", "audio", "stage"}, "it translates between two contracts; connections and keys are the server's"},
		{"server", []string{"quota", "realtime/...", "server/...", "session", "session/clause", "session/resume", "protocol", "audio", "stage", "history", "history/export", "auth", "web"}, "the edge is handed its stores and engines by cmd/sori"},
		{"server/...", []string{"server/...", "audio", "stage"}, "what the edge asks about formats: plain functions, which know no server"},
		{"ci/parts", []string{"engines/models"}, "it lists what the binary and the models' manifest say; nothing of it is in the binary"},
		{"cmd/...", []string{"..."}, ""},
		{"e2e/...", []string{"client", "protocol", "audio", "stage", "history", "history/redisstore/redistest"}, "e2e sees sori from outside, as a client does"},
	}
}

// A dependency says which packages may import a library, tests included, and
// what it is for. A library that is not listed is not used: it has to earn a
// line here.
type dependency struct {
	module string
	in     []string
	why    string
}

func dependencies() []dependency {
	return []dependency{
		{"github.com/alecthomas/kong", []string{"cmd/..."}, "the command line; configuration is read once, in main"},
		{"github.com/goccy/go-yaml", []string{"", "cmd/...", "protocol", "server"}, "the configuration file; in tests, compose.yaml and the API descriptions"},
		{"github.com/gin-gonic/gin", []string{"server", "engines/enginehttp"}, "HTTP routes, at the two edges"},
		{"github.com/coder/websocket", []string{"server", "client", "cmd/...", "e2e/...", "bench"}, "the WebSocket, at its two ends; bench measures it bare"},
		{"github.com/getkin/kin-openapi", []string{"server"}, "the REST description that tests hold against the routes"},
		{"github.com/go-audio", []string{"audio"}, "reads and checks WAV; everything else asks package audio"},
		{"github.com/pion/opus", []string{"audio"}, "decodes Opus; everything else asks package audio"},
		{"github.com/minio/minio-go/v7", []string{"history/recordings"}, "recordings in an S3-compatible store"},
		{"github.com/redis/go-redis/v9", []string{"redisconn", "history/redisstore/...", "cluster", "quota/redisledger"}, "Redis is known to the packages that keep something there"},
		{"modernc.org/sqlite", []string{"history/sqlitestore"}, "SQLite is known to its store only"},
		{"github.com/ebitengine/purego", []string{"engines/ort", "engines/llama", "engines/espeak"}, "native libraries without cgo; one binding each, used by the engines"},
		{"github.com/tetratelabs/wazero", []string{"engines/flite"}, "runs the voice as WebAssembly"},
		{"github.com/golang-jwt/jwt/v5", []string{"auth"}, "JSON Web Tokens of an identity provider"},
		{"github.com/MicahParks/keyfunc/v3", []string{"auth"}, "the changing keys of an identity provider, which the JWT library does not fetch"},
		{"golang.org/x/time", []string{"auth"}, "how often something may be done"},
		{"github.com/google/uuid", []string{"session", "server", "clients/...", "cmd/...", "ci/parts", "bench"}, "identifiers that sort by time"},
		{"github.com/rivo/uniseg", []string{"session/...", "clients/...", "engines/..."}, "where words and sentences end"},
		{"github.com/prometheus/client_golang", []string{"telemetry"}, "what is measured, for Prometheus"},
		{"github.com/prometheus/client_model", []string{"telemetry"}, "tests: what is measured, read back"},
		{"go.opentelemetry.io/otel", []string{"telemetry"}, "spans of turns and stages, by OTLP"},
		{"go.opentelemetry.io/proto", []string{"telemetry"}, "tests: what is sent, read back"},
		{"google.golang.org/protobuf", []string{"telemetry"}, "tests: what is sent, read back"},
		{"golang.org/x/sync", []string{"..."}, "groups of goroutines that are waited for"},
		{"golang.org/x/sys", []string{"engines/...", "cmd/...", "history/...", "bench"}, "what the system says that the standard library doesn't"},
		{"golang.org/x/text", []string{"server", "clients/...", "engines/..."}, "text as people write it"},
		{"github.com/failsafe-go/failsafe-go", []string{"clients/fallback"}, "circuit breakers before the engines"},
		{"k8s.io", []string{"deploy/check"}, "Kubernetes' own types, in a module of their own that checks the manifest"},
		{"github.com/google/licensecheck", []string{"ci/parts"}, "tells licences by their texts, as pkg.go.dev does; not in the binary"},
		{"go.uber.org/goleak", []string{"..."}, "tests: no goroutine is left behind"},
	}
}

// A ban is a package of the standard library that has no place somewhere.
type ban struct {
	pkg string
	in  []string
	why string
}

func bans() []ban {
	return []ban{
		{"net/...", []string{"stage", "audio", "history", "protocol", "session/..."}, "what is carried over a network is not known below server and clients"},
		{"database/sql", []string{"stage", "audio", "history", "protocol", "session/...", "server", "clients/...", "engines/..."}, "SQL is known to its store only"},
		{"os/...", []string{"stage", "audio", "protocol", "session/..."}, "files, processes and the environment are handed in"},
		{"log", []string{"..."}, "log with an injected *slog.Logger"},
		{"math/rand", []string{"..."}, "use math/rand/v2"},
		{"C", []string{"..."}, "one binary, CGO_ENABLED=0"},
	}
}

// source is one Go file of this module.
type source struct {
	name    string // below the root, with slashes
	pkg     string // below the module: "session", "" for the root
	test    bool
	file    *ast.File
	lines   int
	imports []string
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	homeless := map[string]bool{}
	for _, src := range sources(t) {
		if src.test || src.pkg == "" || homeless[src.pkg] {
			continue
		}
		i := slices.IndexFunc(layers(), func(l layer) bool { return within(src.pkg, []string{l.packages}) })
		if i < 0 {
			t.Errorf("package %s has no place in the house: add it to layers here and to docs/architecture.md", src.pkg)
			homeless[src.pkg] = true
			continue
		}
		l := layers()[i]
		for _, imp := range src.imports {
			own, ok := strings.CutPrefix(imp, "sori/")
			up := (own == "session" || own == "server") && strings.HasPrefix(src.pkg, own+"/")
			if ok && own != src.pkg && (up || !within(own, l.may)) {
				t.Errorf("%s imports %s, which %s may not: %s", src.name, imp, src.pkg, l.why)
			}
		}
	}
}

func TestLibrariesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		for _, imp := range src.imports {
			if host, _, _ := strings.Cut(imp, "/"); !strings.Contains(host, ".") {
				continue
			}
			i := slices.IndexFunc(dependencies(), func(d dependency) bool { return imp == d.module || strings.HasPrefix(imp, d.module+"/") })
			if i < 0 {
				t.Errorf("%s imports %s, which nobody has argued for: add it to dependencies here with its purpose, or do without", src.name, imp)
				continue
			}
			if d := dependencies()[i]; !within(src.pkg, d.in) {
				t.Errorf("%s imports %s, which belongs to %s: %s", src.name, imp, strings.Join(d.in, ", "), d.why)
			}
		}
	}
}

func TestStandardLibraryWhereItBelongs(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		for _, imp := range src.imports {
			for _, b := range bans() {
				if within(imp, []string{b.pkg}) && within(src.pkg, b.in) {
					t.Errorf("%s imports %s: %s", src.name, imp, b.why)
				}
			}
		}
	}
}

// One goroutine owns each field of the actor.
func TestActorLocksNothing(t *testing.T) {
	t.Parallel()
	locks := regexp.MustCompile(`\bsync\.((RW)?Mutex|Map|Cond)\b`)
	for _, src := range sources(t) {
		if src.pkg != "session" || src.test {
			continue
		}
		if found := locks.Find(read(t, src.name)); found != nil {
			t.Errorf("%s uses %s: give what it guards to one goroutine", src.name, found)
		}
	}
}

func TestEveryPackageSaysOnceWhatItIs(t *testing.T) {
	t.Parallel()
	docs := map[string][]string{}
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		if _, ok := docs[src.pkg]; !ok {
			docs[src.pkg] = nil
		}
		if src.file.Doc != nil {
			docs[src.pkg] = append(docs[src.pkg], src.name)
			name, text := src.file.Name.Name, src.file.Doc.Text()
			want := "Package " + name + " "
			if name == "main" {
				want = "Command " + path.Base(src.pkg) + " "
			}
			if !strings.HasPrefix(text, want) {
				t.Errorf("%s: its package comment has to begin with %q", src.name, want)
			}
		}
	}
	for pkg, files := range docs {
		if len(files) != 1 {
			t.Errorf("package %s has %d package comments, not one: %v", pkg, len(files), files)
		}
	}
}

func TestFilesHaveOneSubject(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		if src.lines > maxLines && !ast.IsGenerated(src.file) {
			t.Errorf("%s has %d lines, more than %d: split it by subject", src.name, src.lines, maxLines)
		}
	}
}

// What is left to do stands in an issue, where it is seen, and not in the code.
func TestNothingIsLeftForLater(t *testing.T) {
	t.Parallel()
	marks := []string{"TO" + "DO", "FIX" + "ME", "X" + "XX:"}
	walk(t, func(name string) {
		switch path.Ext(name) {
		case ".go", ".sh", ".md", ".yml", ".yaml", ".js", ".ts", ".html", ".css", "":
		default:
			return
		}
		for i, line := range strings.Split(string(read(t, name)), "\n") {
			for _, mark := range marks {
				if strings.Contains(line, mark) {
					t.Errorf("%s:%d: %s: do it now or file it", name, i+1, mark)
				}
			}
		}
	})
}

// The rules above are only as good as the way they are matched.
func TestWithin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pkg      string
		patterns []string
		want     bool
	}{
		{"session", []string{"session"}, true},
		{"sessions", []string{"session"}, false},
		{"history/redisstore", []string{"history"}, false},
		{"history/redisstore", []string{"history/..."}, true},
		{"history", []string{"history/..."}, true},
		{"historyold/x", []string{"history/..."}, false},
		{"server", []string{"session", "server"}, true},
		{"server", nil, false},
		{"anything", []string{"..."}, true},
		{"math/rand/v2", []string{"math/rand"}, false},
	}
	for _, tt := range tests {
		if got := within(tt.pkg, tt.patterns); got != tt.want {
			t.Errorf("within(%q, %q) = %v, want %v", tt.pkg, tt.patterns, got, tt.want)
		}
	}
}

// within says whether a pattern names the package: "a" is a alone, "a/..." is a
// and what is below it, "..." is everything.
func within(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "..." {
			return true
		}
		if tree, ok := strings.CutSuffix(p, "/..."); ok {
			return pkg == tree || strings.HasPrefix(pkg, tree+"/")
		}
		return pkg == p
	})
}

// sources parses every Go file of the module, for all systems and build tags.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	walk(t, func(name string) {
		if path.Ext(name) != ".go" {
			return
		}
		text := read(t, name)
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("parse %s: %v", name, err)
			return
		}
		src := source{
			name:  name,
			pkg:   strings.TrimPrefix(path.Dir(name), "."),
			test:  strings.HasSuffix(name, "_test.go"),
			file:  file,
			lines: strings.Count(string(text), "\n"),
		}
		for _, spec := range file.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Errorf("%s: import %s: %v", name, spec.Path.Value, err)
				continue
			}
			src.imports = append(src.imports, imp)
		}
		all = append(all, src)
	})
	if len(all) < 2 {
		t.Fatalf("found %d Go files: is this the module's root?", len(all))
	}
	return all
}

// walk calls visit with each file that belongs to the tree, as a path with
// slashes below its root.
func walk(t *testing.T, visit func(name string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			hidden := strings.HasPrefix(base, ".") && base != "." && base != ".ci"
			if hidden || slices.Contains([]string{"bin", "node_modules", "sori-data", "testdata"}, base) {
				return filepath.SkipDir
			}
			return nil
		}
		if entry.Type().IsRegular() {
			visit(filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the tree: %v", err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
