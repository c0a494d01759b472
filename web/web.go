// Package web is the voice chat page and the client library, as files inside of
// the binary, and the handler that serves them.
//
// The page stands at "/", everything else below [Prefix]: the library at
// /app/sori.js. Nothing is fetched from anywhere else, so the page works
// offline.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// Prefix is the path below which the files stand.
const Prefix = "/app/"

// page is the file that answers "/".
const page = "index.html"

//go:embed static
var static embed.FS

// file is one file, ready to be sent.
type file struct {
	contentType string
	etag        string
	plain       []byte
	gzipped     []byte // nil where it would be no smaller
}

// files are all of them, by their path below Prefix. They never change.
type files map[string]file

// Handler serves the page at "/" and the files below [Prefix]. Each file is read
// and compressed once, here. It fails only when a file has a type that is not
// known, which is a mistake in this package.
func Handler() (http.Handler, error) {
	all := files{}
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := newFile(name, data)
		all[strings.TrimPrefix(name, "static/")] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the page's files: %w", err)
	}
	return all, nil
}

func newFile(name string, data []byte) (file, error) {
	f := file{contentType: contentType(name), plain: data}
	if f.contentType == "" {
		return f, fmt.Errorf("%s: no content type is known for it", name)
	}
	sum := sha256.Sum256(data)
	f.etag = hex.EncodeToString(sum[:8])
	var small bytes.Buffer
	z, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return f, err
	}
	if _, err := z.Write(data); err != nil {
		return f, err
	}
	if err := z.Close(); err != nil {
		return f, err
	}
	if small.Len() < len(data)*9/10 {
		f.gzipped = small.Bytes()
	}
	return f, nil
}

// contentType is the type by which browsers take the file for what it is. The
// system's own table is not asked: it differs between machines.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".ts", ".txt":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".webmanifest":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	}
	return ""
}

// ServeHTTP answers GET and HEAD.
func (all files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := page
	if r.URL.Path != "/" {
		name = strings.TrimPrefix(r.URL.Path, Prefix)
	}
	f, ok := all[name]
	if !ok {
		http.Error(w, "There is nothing at this address.", http.StatusNotFound)
		return
	}
	h := w.Header()
	secure(h, r.Host)
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache") // kept, and asked for each time whether it is still this one
	h.Add("Vary", "Accept-Encoding")
	body, etag := f.plain, f.etag
	if f.gzipped != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, etag = f.gzipped, etag+"-gzip"
	}
	h.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" {
			weight = strings.ReplaceAll(weight, " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
