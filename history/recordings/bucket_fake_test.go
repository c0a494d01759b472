package recordings_test

import (
	"bufio"
	"bytes"
	"crypto/md5" //nolint:gosec // what S3 calls an ETag
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeS3 is as much of S3 as recordings need: objects, and signatures in their
// form. It answers a wrong request with an error of S3's.
type fakeS3 struct {
	*httptest.Server

	mu      sync.Mutex
	objects map[string]fakeObject                             // by "bucket/key"
	asked   []string                                          // "METHOD path?query range"
	trouble func(w http.ResponseWriter, r *http.Request) bool // nil: none; true: it has answered
}

type fakeObject struct {
	data []byte
	kind string
	at   time.Time
}

const (
	fakeBucket = "speech"
	fakeKey    = "AKIDEXAMPLE"
)

func startS3(t *testing.T) *fakeS3 {
	t.Helper()
	f := &fakeS3{objects: map[string]fakeObject{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// keys is the environment with keys that the fake takes.
func keys(name string) string {
	return map[string]string{"AWS_ACCESS_KEY_ID": fakeKey, "AWS_SECRET_ACCESS_KEY": "secret"}[name]
}

func (f *fakeS3) set(trouble func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.trouble = trouble
}

func (f *fakeS3) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.objects))
	for name := range f.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	trouble := f.trouble
	f.asked = append(f.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Range")))
	f.mu.Unlock()
	if trouble != nil && trouble(w, r) {
		return
	}
	if code := signature(r); code != "" {
		refuse(w, http.StatusForbidden, code)
		return
	}
	body, err := payload(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case bucket != fakeBucket:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case key == "" && r.Method == http.MethodHead:
	case key == "" && r.URL.Query().Get("list-type") == "2":
		f.list(w, r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token"))
	case r.Method == http.MethodPut:
		f.objects[r.URL.Path[1:]] = fakeObject{data: body, kind: r.Header.Get("Content-Type"), at: time.Now()}
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodDelete:
		delete(f.objects, r.URL.Path[1:])
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		o, ok := f.objects[r.URL.Path[1:]]
		if !ok {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", etag(o.data))
		w.Header().Set("Content-Type", o.kind)
		http.ServeContent(w, r, "", o.at, bytes.NewReader(o.data))
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	}
}

// list gives two keys at a time, so that callers have to go on.
func (f *fakeS3) list(w http.ResponseWriter, prefix, after string) {
	type entry struct {
		Key, ETag    string
		LastModified time.Time
		Size         int
	}
	var answer struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		Name, Prefix          string
		IsTruncated           bool
		NextContinuationToken string
		Contents              []entry
	}
	answer.Name, answer.Prefix = fakeBucket, prefix
	var found []string
	for name := range f.objects {
		if key := strings.TrimPrefix(name, fakeBucket+"/"); strings.HasPrefix(key, prefix) && key > after {
			found = append(found, key)
		}
	}
	slices.Sort(found)
	if len(found) > 2 {
		found = found[:2]
		answer.IsTruncated, answer.NextContinuationToken = true, found[1]
	}
	for _, key := range found {
		o := f.objects[fakeBucket+"/"+key]
		answer.Contents = append(answer.Contents, entry{Key: key, Size: len(o.data), LastModified: o.at, ETag: etag(o.data)})
	}
	if err := xml.NewEncoder(w).Encode(answer); err != nil {
		panic(err)
	}
}

func etag(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // what S3 calls an ETag
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code) // the client may be gone
}

// signature gives the code of what is wrong with the form of a request's.
func signature(r *http.Request) string {
	fields := map[string]string{}
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	credential := strings.Split(fields["Credential"], "/")
	signed := strings.Split(fields["SignedHeaders"], ";")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	switch {
	case !ok, len(credential) != 5, len(fields["Signature"]) != 64, err != nil:
		return "AccessDenied"
	case credential[0] != fakeKey:
		return "InvalidAccessKeyId"
	case time.Since(at).Abs() > 15*time.Minute, credential[1] != at.Format("20060102"), credential[2] != "us-east-1", credential[3] != "s3":
		return "AuthorizationHeaderMalformed"
	case r.Header.Get("X-Amz-Content-Sha256") == "", !slices.Contains(signed, "host"), !slices.Contains(signed, "x-amz-content-sha256"), !slices.Contains(signed, "x-amz-date"):
		return "SignatureDoesNotMatch"
	}
	return ""
}

// payload reads a body, also one in signed chunks.
func payload(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	var data []byte
	in := bufio.NewReader(r.Body)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseInt(digits, 16, 32)
		if err != nil {
			return nil, err
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2) // and the end of its line
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		data = append(data, chunk[:size]...)
	}
	if want := r.Header.Get("X-Amz-Decoded-Content-Length"); want != strconv.Itoa(len(data)) {
		return nil, fmt.Errorf("%d bytes, %s were announced", len(data), want)
	}
	return data, nil
}
