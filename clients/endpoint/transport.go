package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"sori/audio"
)

// httpClient gives the client that carries the calls to one engine.
func httpClient(o Options) *http.Client {
	c := &http.Client{}
	if o.HTTP != nil {
		copied := *o.HTTP
		c = &copied
	}
	if c.Transport == nil {
		c.Transport = transport(o)
	}
	c.Timeout = 0 // a stream may be long; the watch of each call limits the time
	c.CheckRedirect = checkRedirect
	return c
}

// transport is one engine's own: keep-alive connections for as many turns at
// once as a server has, and no compression, which would only delay audio.
func transport(o Options) *http.Transport {
	t := &http.Transport{
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
		t.Proxy = http.ProxyFromEnvironment
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return upload{c}, nil
	}
	return t
}

// uploadPiece is how many bytes of a recording one write takes: two seconds of
// 16-bit audio at 16 kHz.
const uploadPiece = 64 << 10

// upload is a connection that borrows the memory through which the body of a
// request goes. A plain one makes it anew for each turn.
type upload struct{ net.Conn }

// ReadFrom is what net/http sends bodies with. Pieces are filled before they are
// written: a form comes in parts, and each write wakes the engine.
func (c upload) ReadFrom(r io.Reader) (sent int64, err error) {
	frame := audio.NewFrame(uploadPiece)
	defer frame.Free()
	piece := frame.Data
	for {
		n := 0
		for n < len(piece) && err == nil {
			var some int
			some, err = r.Read(piece[n:])
			n += some
		}
		if n > 0 {
			written, e := c.Write(piece[:n])
			sent += int64(written)
			if e != nil {
				return sent, e
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return sent, nil
		case err != nil:
			return sent, err
		}
	}
}

// redirectError says that an engine sent sori somewhere that it does not go.
type redirectError struct {
	host    string // where to
	dropped bool   // the request would have lost its body
}

func (e *redirectError) Error() string {
	if e.dropped {
		return "redirected in a way that drops the request's body"
	}
	return fmt.Sprintf("redirected to another host, %s", e.host)
}

// checkRedirect stays on the host that the configuration names: audio, text and
// keys go nowhere else.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme:
		return &redirectError{host: req.URL.Scheme + "://" + req.URL.Host}
	case req.Method != first.Method:
		return &redirectError{dropped: true}
	case len(via) > 3:
		return &redirectError{host: req.URL.Host}
	}
	return nil
}
