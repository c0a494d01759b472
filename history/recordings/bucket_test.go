package recordings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sori/history"
	"sori/history/recordings"
)

func openBucket(t *testing.T, f *fakeS3, o recordings.BucketOptions) *recordings.Bucket {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = keys
	}
	b, err := recordings.OpenBucket("s3://"+fakeBucket+"/some/where?endpoint="+f.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func saveTo(t *testing.T, b *recordings.Bucket, user, turn, kind string, data []byte) {
	t.Helper()
	if _, err := b.Save(t.Context(), user, turn, kind, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func TestBucketKeepsRecordings(t *testing.T) {
	t.Parallel()
	f := startS3(t)
	b := openBucket(t, f, recordings.BucketOptions{})
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	wav := bytes.Repeat([]byte("0123456789"), 30_000)
	path, err := b.Save(t.Context(), "a b", "0195-1", recordings.Input, iotest.HalfReader(bytes.NewReader(wav)))
	if err != nil || path != "/users/a%20b/recordings/0195-1-input.wav" {
		t.Fatalf("got %q, %v", path, err)
	}
	names := f.names()
	if len(names) != 1 || !strings.HasPrefix(names[0], "speech/some/where/x-") || !strings.HasSuffix(names[0], "/0195-1-input.wav") {
		t.Fatalf("the bucket has %q", names)
	}
	if o := f.objects[names[0]]; !bytes.Equal(o.data, wav) || o.kind != "audio/wav" {
		t.Errorf("%d bytes of %s", len(o.data), o.kind)
	}
	o, err := b.Open(t.Context(), "a b", "0195-1-input.wav")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(o)
	info, statErr := o.Stat()
	if err != nil || !bytes.Equal(got, wav) || statErr != nil || info.Size() != int64(len(wav)) || !info.Mode().IsRegular() || time.Since(info.ModTime()) > time.Minute {
		t.Errorf("read %d bytes, %v; %+v", len(got), err, info)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

// A player asks for parts: that much is transferred, and no more.
func TestBucketRanges(t *testing.T) {
	t.Parallel()
	f := startS3(t)
	b := openBucket(t, f, recordings.BucketOptions{})
	wav := []byte(strings.Repeat("0123456789", 10))
	saveTo(t, b, "10", "t1", recordings.Reply, wav)
	for header, want := range map[string]string{"": string(wav), "bytes=10-14": "01234", "bytes=-3": "789", "bytes=98-": "89"} {
		o, err := b.Open(t.Context(), "10", "t1-reply.wav")
		if err != nil {
			t.Fatal(err)
		}
		info, err := o.Stat()
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		if header != "" {
			r.Header.Set("Range", header)
		}
		w := httptest.NewRecorder()
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(w, r, "", info.ModTime(), o)
		if w.Body.String() != want {
			t.Errorf("%q: got %d %q", header, w.Code, w.Body)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	o, err := b.Open(t.Context(), "10", "t1-reply.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if at, err := o.Seek(-5, io.SeekEnd); at != 95 || err != nil {
		t.Errorf("at %d, %v", at, err)
	}
	if at, err := o.Seek(2, io.SeekCurrent); at != 97 || err != nil {
		t.Errorf("at %d, %v", at, err)
	}
	if got, err := io.ReadAll(o); string(got) != "789" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := o.Seek(-1, io.SeekStart); err == nil {
		t.Error("it went before the start")
	}
	asked := strings.Join(f.asked, "\n")
	for _, want := range []string{"bytes=10-", "bytes=97-", "bytes=98-"} {
		if !strings.Contains(asked, "GET /speech/some/where/u-10/t1-reply.wav "+want) {
			t.Errorf("nobody asked for %s:\n%s", want, asked)
		}
	}
}

func TestBucketListsAndDeletes(t *testing.T) {
	t.Parallel()
	f := startS3(t)
	b := openBucket(t, f, recordings.BucketOptions{})
	for n := range 5 {
		saveTo(t, b, "1", fmt.Sprint("t", n), recordings.Input, make([]byte, 10))
		saveTo(t, b, "10", fmt.Sprint("t", n), recordings.Reply, make([]byte, 100))
	}
	f.objects["speech/some/where/u-1/notes.txt"] = fakeObject{data: []byte("not ours")}
	list, err := b.List(t.Context(), "1")
	if err != nil || len(list) != 5 || list[4].Name != "t4-input.wav" || list[4].TurnID != "t4" || list[4].Kind != recordings.Input || list[4].Bytes != 10 {
		t.Errorf("got %+v, %v", list, err)
	}
	if size, files, err := b.Used(t.Context()); size != 550 || files != 10 || err != nil {
		t.Errorf("%d bytes in %d files, %v", size, files, err)
	}
	for range 2 {
		if err := b.DeleteUser(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
	}
	if names := f.names(); len(names) != 6 {
		t.Errorf("left is %v", names)
	}
	if list, err := b.List(t.Context(), "nobody"); len(list) != 0 || err != nil {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestBucketRefuses(t *testing.T) {
	t.Parallel()
	b := openBucket(t, startS3(t), recordings.BucketOptions{})
	for _, c := range [][3]string{{"10", "../x", "input"}, {"10", "", "input"}, {"10", "t", "other"}, {strings.Repeat("x", 200), "t", "input"}} {
		if _, err := b.Save(t.Context(), c[0], c[1], c[2], strings.NewReader("x")); !errors.Is(err, recordings.ErrInvalid) {
			t.Errorf("%q: %v", c, err)
		}
	}
	for name, want := range map[string]error{"t-input.wav": fs.ErrNotExist, "../t-input.wav": recordings.ErrInvalid, "x": recordings.ErrInvalid} {
		if _, err := b.Open(t.Context(), "10", name); !errors.Is(err, want) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	broken := errors.New("broken")
	if _, err := b.Save(t.Context(), "10", "t", recordings.Input, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Save(gone, "10", "t", recordings.Input, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// What a store says becomes what an operator can do, and no caller waits long.
func TestBucketTrouble(t *testing.T) {
	t.Parallel()
	f := startS3(t)
	b := openBucket(t, f, recordings.BucketOptions{Timeout: time.Second})
	saveTo(t, b, "10", "t1", recordings.Input, make([]byte, 1<<20))
	save := func() error {
		_, err := b.Save(t.Context(), "10", "t2", recordings.Input, strings.NewReader("speech"))
		return err
	}
	answer := func(status int, code string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { refuse(w, status, code); return true }
	}
	for name, c := range map[string]struct {
		trouble func(http.ResponseWriter, *http.Request) bool
		hint    string
		passing bool
	}{
		"full":      {answer(http.StatusInsufficientStorage, "XMinioStorageFull"), "XMinioStorageFull", true},
		"busy":      {answer(http.StatusServiceUnavailable, "SlowDown"), "SlowDown", true},
		"no right":  {answer(http.StatusForbidden, "AccessDenied"), "AWS_ACCESS_KEY_ID", false},
		"no bucket": {answer(http.StatusNotFound, "NoSuchBucket"), "make it", true},
		"silent": {func(_ http.ResponseWriter, r *http.Request) bool {
			_, _ = io.Copy(io.Discard, r.Body) // all of it, so that the end of the client shows
			<-r.Context().Done()
			return true
		}, "no answer", true},
	} {
		f.set(c.trouble)
		began := time.Now()
		err := save()
		if err == nil || !strings.Contains(err.Error(), c.hint) || errors.Is(err, history.ErrUnavailable) != c.passing {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	f.set(func(w http.ResponseWriter, r *http.Request) bool { // stops in the middle
		if r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("Content-Length", "1048576")
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	o, err := b.Open(t.Context(), "10", "t1-input.wav")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, o); n != 1000 || !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	f.set(nil)
	if err := save(); err != nil {
		t.Errorf("when it is back: %v", err)
	}
	f.Close()
	if err := save(); !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("nobody there: %v", err)
	}
	if err := b.Check(t.Context()); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

// What is old goes, of one user or of all; what is not sori's stays.
func TestBucketExpires(t *testing.T) {
	t.Parallel()
	f := startS3(t)
	b := openBucket(t, f, recordings.BucketOptions{})
	for _, user := range []string{"10", "a b"} {
		saveTo(t, b, user, "t1", recordings.Input, []byte("speech"))
	}
	f.mu.Lock()
	f.objects[fakeBucket+"/other/t1-input.wav"] = fakeObject{data: []byte("x"), at: time.Now()}
	f.mu.Unlock()
	ago, soon := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if n, err := b.Expire(t.Context(), ago); n != 0 || err != nil {
		t.Errorf("removed %d young ones, %v", n, err)
	}
	if n, err := b.ExpireUser(t.Context(), "a b", soon); n != 1 || err != nil {
		t.Errorf("removed %d of a user, %v", n, err)
	}
	if n, err := b.Expire(t.Context(), soon); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if left := f.names(); len(left) != 1 || left[0] != fakeBucket+"/other/t1-input.wav" {
		t.Errorf("left: %v", left)
	}
}

func TestBucketAddress(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return keys(name)
		}
	}
	for address, want := range map[string]string{
		"s3://speech":         "s3://speech/ at s3.amazonaws.com",
		"s3://speech/a/../b/": "s3://speech/b/ at s3.amazonaws.com",
		"s3://speech?endpoint=http://127.0.0.1:9000":   "s3://speech/ at 127.0.0.1:9000",
		"s3://speech?region=eu-west-1&path_style=true": "s3://speech/ at s3.amazonaws.com",
		"http://speech":                    "should look like s3://",
		"s3:///prefix":                     "should look like s3://",
		"s3://key:s3cret@speech":           "do not belong",
		"s3://speech?key=s3cret":           `the parameter "key"`,
		"s3://speech?endpoint=minio":       "should look like https://",
		"s3://speech?endpoint=http://h/x":  "should look like https://",
		"s3://speech?path_style=sometimes": "true or false",
		"s3://a":                           "",
	} {
		b, err := recordings.OpenBucket(address, recordings.BucketOptions{Getenv: env()})
		switch {
		case err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("%s: %v, want %q", address, err, want)
		case err == nil && want != "" && b.String() != want:
			t.Errorf("%s is called %s, want %s", address, b, want)
		}
	}
	b, err := recordings.OpenBucket("s3://speech", recordings.BucketOptions{Getenv: env("AWS_ENDPOINT_URL_S3", "http://minio:9000")})
	if err != nil || b.String() != "s3://speech/ at minio:9000" {
		t.Errorf("got %v, %v", b, err)
	}
	if _, err := recordings.OpenBucket("s3://speech", recordings.BucketOptions{Getenv: env("AWS_SECRET_ACCESS_KEY", "")}); err == nil || !strings.Contains(err.Error(), "go together") {
		t.Errorf("half of the keys: %v", err)
	}
	f := startS3(t)
	stranger := openBucket(t, f, recordings.BucketOptions{Getenv: env("AWS_ACCESS_KEY_ID", "AKIDSTRANGER")})
	if _, err := stranger.Save(t.Context(), "10", "t", recordings.Input, strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), "refuses sori's keys") {
		t.Errorf("a stranger's keys: %v", err)
	}
	if len(f.names()) != 0 {
		t.Error("a stranger has written")
	}
}
