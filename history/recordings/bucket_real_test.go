package recordings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sori/history"
	"sori/history/recordings"
)

// s3Server is a versitygw of the test's own: a real S3 server over a folder.
type s3Server struct {
	program, dir, addr string
	cmd                *exec.Cmd
}

// startRealS3 runs the server that SORI_S3_SERVER names, as `make test-s3` does.
func startRealS3(t *testing.T) *s3Server {
	t.Helper()
	program := os.Getenv("SORI_S3_SERVER")
	if program == "" {
		t.Skip("needs a real S3 server: make test-s3 builds one, which takes minutes")
	}
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &s3Server{program: program, dir: t.TempDir(), addr: ln.Addr().String()}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"buckets/" + fakeBucket, "beside"} {
		if err := os.MkdirAll(filepath.Join(s.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.stop)
	s.start(t)
	return s
}

func (s *s3Server) start(t *testing.T) {
	t.Helper()
	//nolint:noctx // stop ends it
	s.cmd = exec.Command(s.program, "--access", fakeKey, "--secret", "secret", "--region", "us-east-1", "--port", s.addr, "--quiet",
		"posix", "--sidecar", filepath.Join(s.dir, "beside"), filepath.Join(s.dir, "buckets"))
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dialer := net.Dialer{Timeout: time.Second}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := dialer.DialContext(t.Context(), "tcp", s.addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not start: %v", err)
		}
	}
}

func (s *s3Server) stop() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *s3Server) open(t *testing.T, bucket string, getenv func(string) string) *recordings.Bucket {
	t.Helper()
	b, err := recordings.OpenBucket("s3://"+bucket+"/some/where?endpoint=http://"+s.addr, recordings.BucketOptions{Getenv: getenv, Timeout: 5 * time.Second})
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

// All that sori does with a bucket, against a real server: put, get, ranges, list,
// delete, wrong keys, and a server that goes and comes back.
func TestARealS3Server(t *testing.T) {
	t.Parallel()
	s := startRealS3(t)
	b := s.open(t, fakeBucket, keys)
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	wav := bytes.Repeat([]byte("0123456789"), 300_000)
	for _, user := range []string{"a b", "ü/..", "10", "1"} {
		for turn := range 3 {
			saveTo(t, b, user, fmt.Sprint("t", turn), recordings.Input, wav[:len(wav)-turn])
		}
	}
	saveTo(t, b, "10", "t0", recordings.Input, wav[:20]) // once more: the same name
	for _, user := range []string{"a b", "ü/.."} {
		if got := readAll(t, b, user, "t1-input.wav"); !bytes.Equal(got, wav[:len(wav)-1]) {
			t.Errorf("%q: %d bytes came back", user, len(got))
		}
	}
	if got := readAll(t, b, "10", "t0-input.wav"); !bytes.Equal(got, wav[:20]) {
		t.Errorf("what was replaced is %q", got)
	}
	rangeOf(t, b)

	if _, err := b.Open(t.Context(), "10", "t9-input.wav"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	list, err := b.List(t.Context(), "10")
	if err != nil || len(list) != 3 || list[0].Name != "t0-input.wav" || list[0].Bytes != 20 || time.Since(list[0].Saved) > time.Minute {
		t.Errorf("the list is %+v, %v", list, err)
	}
	if _, files, err := b.Used(t.Context()); files != 12 || err != nil {
		t.Errorf("%d files, %v", files, err)
	}
	if err := b.Delete(t.Context(), "10", "t1-input.wav"); err != nil {
		t.Error(err)
	}
	for range 2 { // the second time there is nothing left
		if err := b.DeleteUser(t.Context(), "1"); err != nil {
			t.Error(err)
		}
	}
	if n, err := b.ExpireUser(t.Context(), "a b", time.Now().Add(time.Hour)); n != 3 || err != nil {
		t.Errorf("%d expired, %v", n, err)
	}
	if _, files, err := b.Used(t.Context()); files != 5 || err != nil {
		t.Errorf("%d files are left, %v", files, err)
	}

	wrong := func(name string) string {
		return map[string]string{"AWS_SECRET_ACCESS_KEY": "wrong"}[name] + map[string]string{"AWS_ACCESS_KEY_ID": fakeKey}[name]
	}
	if err := s.open(t, fakeBucket, wrong).Check(t.Context()); err == nil || errors.Is(err, history.ErrUnavailable) {
		t.Errorf("with wrong keys: %v", err)
	}
	if err := s.open(t, "nowhere", keys).Check(t.Context()); err == nil || !strings.Contains(err.Error(), `there is no bucket "nowhere"`) {
		t.Errorf("a bucket that is not there: %v", err)
	}

	s.stop()
	began := time.Now()
	if _, err := b.Save(t.Context(), "10", "t5", recordings.Input, strings.NewReader("speech")); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("without the server: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("that took %v", took)
	}
	s.start(t)
	saveTo(t, b, "10", "t5", recordings.Input, []byte("speech"))
	if got := readAll(t, b, "10", "t5-input.wav"); string(got) != "speech" {
		t.Errorf("after it is back: %q", got)
	}
}

func readAll(t *testing.T, b *recordings.Bucket, user, name string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o, err := b.Open(ctx, user, name)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	data, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// rangeOf asks for the middle of a recording, as a player does.
func rangeOf(t *testing.T, b *recordings.Bucket) {
	t.Helper()
	o, err := b.Open(t.Context(), "10", "t2-input.wav")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	part := make([]byte, 25)
	if _, err := o.Seek(1_000_003, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(o, part); err != nil || string(part) != "3456789012345678901234567" {
		t.Errorf("the middle is %q, %v", part, err)
	}
	if at, err := o.Seek(-3, io.SeekEnd); at != 2_999_995 || err != nil {
		t.Errorf("at %d, %v", at, err)
	}
	if rest, err := io.ReadAll(o); string(rest) != "567" || err != nil {
		t.Errorf("the end is %q, %v", rest, err)
	}
}
