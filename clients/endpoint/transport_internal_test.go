package endpoint

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/iotest"
)

// sink is a connection that takes everything.
type sink struct {
	net.Conn

	got    []byte
	writes int
	err    error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	s.writes++
	s.got = append(s.got, p...)
	return len(p), nil
}

// Whatever parts a body comes in, it goes out whole, in pieces that are full.
func TestUpload(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, uploadPiece - 1, uploadPiece, uploadPiece + 1, 3 * uploadPiece, 300_000} {
		body := bytes.Repeat([]byte("abcdefghijk"), size/11+1)[:size]
		for name, r := range map[string]io.Reader{
			"at once":       bytes.NewReader(body),
			"in halves":     iotest.HalfReader(bytes.NewReader(body)),
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(body)),
			"with its end":  iotest.DataErrReader(bytes.NewReader(body)),
			"in some parts": io.MultiReader(bytes.NewReader(body[:size/3]), bytes.NewReader(body[size/3:])),
		} {
			to := &sink{}
			n, err := upload{to}.ReadFrom(r)
			if err != nil || n != int64(size) || !bytes.Equal(to.got, body) {
				t.Errorf("%d bytes %s: %d went out, %v", size, name, n, err)
			}
			if most := (size + uploadPiece - 1) / uploadPiece; to.writes > most {
				t.Errorf("%d bytes %s: %d writes, want %d", size, name, to.writes, most)
			}
		}
	}
}

func TestUploadThatBreaks(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	to := &sink{}
	n, err := upload{to}.ReadFrom(io.MultiReader(bytes.NewReader([]byte("some")), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || n != 4 || string(to.got) != "some" {
		t.Errorf("a body that breaks: %d bytes went out, %v", n, err)
	}
	_, err = upload{&sink{err: broken}}.ReadFrom(bytes.NewReader(make([]byte, 300_000)))
	if !errors.Is(err, broken) {
		t.Errorf("a connection that breaks: %v", err)
	}
}
