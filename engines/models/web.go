package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// partEnding is that of a download that is not finished. It stays when the
// download breaks off, in the bundle's folder, and the next one goes on from it.
const partEnding = ".part"

// webTimeouts bound a download that hangs; one that only takes long is bounded
// by its context.
const (
	webDial   = 10 * time.Second
	webHeader = 30 * time.Second
	webStall  = time.Minute
)

// cdnFiles fetches the files from where a CDN has what is inside a package.
func cdnFiles(ctx context.Context, client *http.Client, parts, to, folder string, files []File) error {
	client, done := webClient(client)
	defer done()
	for _, f := range files {
		f.Web = strings.TrimPrefix(f.Inside, "package/")
		var err error
		if f.Form == FormPlain {
			err = webFiles(ctx, client, parts, to, folder, []File{f})
		} else {
			err = webFormed(ctx, client, to, folder+"/"+f.Web, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// webFormed fetches a small file that is not kept as it comes.
func webFormed(ctx context.Context, client *http.Client, to, url string, f File) error {
	body, _, err := webOpen(ctx, client, url, 0)
	if err != nil {
		return err
	}
	defer body.Close()
	return extractFile(ctx, &ctxReader{ctx, body}, 0, to, f)
}

// webClient gives the client, or one of its own; done ends that.
func webClient(client *http.Client) (c *http.Client, done func()) {
	if client != nil {
		return client, func() {}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, ResponseHeaderTimeout: webHeader,
		DialContext: (&net.Dialer{Timeout: webDial}).DialContext, TLSHandshakeTimeout: webDial,
	}
	return &http.Client{Transport: transport}, transport.CloseIdleConnections
}

// webFiles fetches the files from below the folder's URL. Unfinished ones are
// kept in the folder parts; finished and checked ones go to the folder to.
func webFiles(ctx context.Context, client *http.Client, parts, to, folder string, files []File) error {
	client, done := webClient(client)
	defer done()
	for _, f := range files {
		name := f.Web
		if name == "" {
			name = f.Name
		}
		part := filepath.Join(parts, f.Name+partEnding)
		for _, dir := range []string{filepath.Dir(part), filepath.Dir(filepath.Join(to, f.Name))} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fileError("making "+dir, dir, err)
			}
		}
		if !strings.Contains(name, "://") {
			name = folder + "/" + name
		}
		if err := webFile(ctx, client, name, part, f); err != nil {
			return err
		}
		if err := os.Rename(part, filepath.Join(to, f.Name)); err != nil {
			return fileError("placing "+f.Name, to, err)
		}
	}
	return nil
}

// webFile makes the part whole and checks it. A part that is wrong is removed.
func webFile(ctx context.Context, client *http.Client, url, part string, f File) error {
	out, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fileError("writing "+part, filepath.Dir(part), err)
	}
	sum, err := webAppend(ctx, client, url, out, f)
	if err == nil {
		err = out.Sync()
	}
	err = errors.Join(err, out.Close())
	if err != nil {
		return err
	}
	if sum == f.SHA256 {
		return nil
	}
	if err := os.Remove(part); err != nil {
		return fileError("removing "+part, filepath.Dir(part), err)
	}
	return checksumError(f, sum)
}

// webAppend fetches what the file lacks and gives the checksum of all of it.
func webAppend(ctx context.Context, client *http.Client, url string, out *os.File, f File) (sum string, err error) {
	h := sha256.New()
	have, err := io.Copy(h, io.LimitReader(&ctxReader{ctx, out}, f.Size+1))
	if err != nil {
		return "", fileError("reading "+out.Name(), filepath.Dir(out.Name()), err)
	}
	if have > f.Size {
		have = 0
	}
	if have == f.Size {
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stall := time.AfterFunc(webStall, func() { stop(errTimeout) })
	defer stall.Stop()
	body, at, err := webOpen(ctx, client, url, have)
	if err != nil {
		return "", err
	}
	defer body.Close()
	if at == 0 { // from the beginning, whatever was there
		h.Reset()
		have = 0
		if err := out.Truncate(0); err != nil {
			return "", fileError("writing "+out.Name(), filepath.Dir(out.Name()), err)
		}
	}
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return "", fileError("writing "+out.Name(), filepath.Dir(out.Name()), err)
	}
	src := &errReader{r: io.LimitReader(body, f.Size-have+1)}
	n, err := io.Copy(io.MultiWriter(out, h), &stallReader{src, stall})
	switch {
	case src.err != nil:
		return "", webError(ctx, url, src.err)
	case err != nil:
		return "", fileError("writing "+out.Name(), filepath.Dir(out.Name()), err)
	case have+n < f.Size:
		return "", webError(ctx, url, fmt.Errorf("the connection broke off after %d of %d bytes", have+n, f.Size))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// webOpen asks for what comes after the first have bytes, and says where the
// answer begins: a server may give all from the beginning.
func webOpen(ctx context.Context, client *http.Client, url string, have int64) (body io.ReadCloser, at int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, 0, &Error{Code: CodeRefused, What: url + " is no address", Do: "Look at where it comes from.", Err: err}
	}
	req.Header.Set("Accept-Encoding", "identity")
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, webError(ctx, url, err)
	}
	var first int64
	switch {
	case resp.StatusCode == http.StatusOK:
		return resp.Body, 0, nil
	case resp.StatusCode == http.StatusPartialContent && have > 0:
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &first); err == nil && first == have {
			return resp.Body, have, nil
		}
		err = fmt.Errorf("it gave the part %q", resp.Header.Get("Content-Range"))
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
		err = fmt.Errorf("HTTP %s", resp.Status)
	default:
		_ = resp.Body.Close() // nothing of it is wanted
		return nil, 0, &Error{Code: CodeRefused, What: fmt.Sprintf("%s was refused with HTTP %s", url, resp.Status), Do: "Some models ask for an account, or were moved: fetch the file by hand, and put its path where the model's is asked for."}
	}
	_ = resp.Body.Close() // nothing of it is wanted
	return nil, 0, webError(ctx, url, err)
}

func webError(ctx context.Context, url string, err error) error {
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); !errors.Is(cause, errTimeout) {
			return cause
		}
		err = context.Cause(ctx)
	}
	return &Error{Code: CodeNetwork, What: "fetching " + url + " failed", Do: "Try again: it goes on where it broke off. Behind a proxy, set HTTPS_PROXY.", Err: err}
}

// stallReader puts a deadline off as long as something comes.
type stallReader struct {
	r     io.Reader
	stall *time.Timer
}

func (s *stallReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if n > 0 {
		s.stall.Reset(webStall)
	}
	return n, err
}
