package server

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"sori/auth"
	"sori/protocol"
	"sori/quota"
)

// source says where a run's words come from.
type source string

const (
	fromService source = "service" // the ATOT service heard them
	fromAudio   source = "audio"
	fromText    source = "text"
)

// run is what a request asks for.
type run struct {
	caller     auth.Principal
	user       string
	source     source
	configure  protocol.Configure // what the caller wants of the session
	text       string             // fromText
	audio      *bufio.Reader      // fromAudio
	media      string             // the audio's type as its sender has it, may be ""
	rate       int                // Hz, of audio without a header; 0 when nobody said
	outputRate int
	grant      *quota.Grant // what the user may use; nil: anything

	form *multipart.Form
	file io.Closer
}

// close frees what the request put on disk.
func (r *run) close() {
	if r.file != nil {
		_ = r.file.Close()
	}
	if r.form != nil {
		_ = r.form.RemoveAll()
	}
}

// bodyMemory is how much of a multipart upload is held in memory; the rest goes
// to a temporary file.
const bodyMemory = 1 << 20

// requestError says why a request can't be run, as the code of its text.
type requestError struct {
	status int
	code   string
	args   []any
	err    error
}

func (b *requestError) Error() string { return b.code }
func (b *requestError) Unwrap() error { return b.err }

// readRun reads what a request asks for, up to its audio, and answers when it
// can't be run.
func (s *Server) readRun(g *gin.Context) (*run, bool) {
	r, err := s.parseRun(g)
	if err != nil {
		r.close()
		s.failRun(g, err)
		return nil, false
	}
	return r, true
}

// failRun answers with what is wrong with a request, or else what broke.
func (s *Server) failRun(g *gin.Context, err error) {
	var tooLarge *http.MaxBytesError
	b, ok := errors.AsType[*requestError](err)
	switch {
	case errors.As(err, &tooLarge):
		g.Header("Connection", "close")
		s.problem(g, http.StatusRequestEntityTooLarge, "body_too_large", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		g.Header("Connection", "close")
		s.problem(g, http.StatusRequestTimeout, "upload_too_slow")
	case ok:
		if b.status == http.StatusServiceUnavailable {
			g.Header("Retry-After", retryAfter)
		}
		s.problem(g, b.status, b.code, b.args...)
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.problem(g, http.StatusBadRequest, "body_cut_off")
	default:
		s.fail(g, err)
	}
}

func (s *Server) parseRun(g *gin.Context) (*run, error) {
	p := principal(g)
	r := &run{user: s.userOf(p), source: fromService, caller: p}
	if g.Request.ContentLength > s.cfg.MaxUpload {
		return r, &http.MaxBytesError{Limit: s.cfg.MaxUpload} // before any of it is read
	}
	if err := r.take(g.GetQuery); err != nil {
		return r, err
	}
	if g.Request.Method != http.MethodPost {
		return r, nil
	}
	g.Request.Body = http.MaxBytesReader(g.Writer, sentBody{g.Request.Body}, s.cfg.MaxUpload)
	body := bufio.NewReaderSize(g.Request.Body, 4096)
	if _, err := body.Peek(1); errors.Is(err, io.EOF) {
		return r, nil // no body: the service is asked
	} else if err != nil {
		return r, err
	}
	media, params, err := mime.ParseMediaType(g.GetHeader("Content-Type"))
	if err != nil && g.GetHeader("Content-Type") != "" {
		return r, &requestError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", err: err}
	}
	switch media {
	case "application/json":
		return r, r.takeJSON(body)
	case "application/x-www-form-urlencoded":
		return r, r.takeForm(body)
	case "multipart/form-data":
		return r, r.takeMultipart(body, params["boundary"])
	default:
		r.source, r.audio, r.media = fromAudio, body, media
		if rate, ok := params["rate"]; ok && r.rate == 0 {
			return r, r.take(only("rate", rate))
		}
		return r, nil
	}
}

// sentBody is a request's body. That it can't be read to its end is the fault of
// who sent it.
type sentBody struct{ io.ReadCloser }

func (b sentBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !isTransport(err) {
		err = &requestError{status: http.StatusBadRequest, code: "body_cut_off", err: err}
	}
	return n, err
}

// only is a lookup that knows one name.
func only(name, value string) func(string) (string, bool) {
	return func(asked string) (string, bool) { return value, asked == name }
}

// take reads the settings that a query, a form or a JSON object may hold.
func (r *run) take(lookup func(string) (string, bool)) error {
	if v, ok := lookup("user_id"); ok {
		if !validUser(v) {
			return badParameter("user_id", "1 … "+strconv.Itoa(protocol.MaxUser)+" bytes of text")
		}
		if !r.caller.Speaks(v) {
			return &requestError{status: http.StatusForbidden, code: "user_forbidden"}
		}
		r.user = v
	}
	for name, to := range map[string]**string{
		"language": &r.configure.Language, "voice": &r.configure.Voice, "instructions": &r.configure.Instructions,
	} {
		if v, ok := lookup(name); ok {
			*to = &v
		}
	}
	for name, to := range map[string]*int{"rate": &r.rate, "output_rate": &r.outputRate} {
		v, ok := lookup(name)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < protocol.MinRate || n > protocol.MaxRate {
			return badParameter(name, strconv.Itoa(protocol.MinRate)+" … "+strconv.Itoa(protocol.MaxRate))
		}
		*to = n
	}
	if v, ok := lookup("text"); ok {
		r.source, r.text = fromText, v
	}
	return r.check()
}

// check holds the settings to the protocol's limits: they go into a session as
// if a client had sent them.
func (r *run) check() error {
	for _, m := range []protocol.ClientMessage{r.configure, protocol.Text{Text: r.text}} {
		if _, ok := m.(protocol.Text); ok && r.source != fromText {
			continue
		}
		data, err := protocol.EncodeClient(m)
		if err != nil {
			return err
		}
		if _, err := protocol.DecodeClient(data); err != nil {
			wrong, _ := errors.AsType[*protocol.DecodeError](err)
			return &requestError{status: http.StatusBadRequest, code: "bad_settings", args: []any{wrong.Message}, err: err}
		}
	}
	return nil
}

// validUser holds a user's id to what the protocol allows.
func validUser(id string) bool {
	return id != "" && len(id) <= protocol.MaxUser && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

func badParameter(name, must string) error {
	return &requestError{status: http.StatusBadRequest, code: "bad_parameter", args: []any{name, must}}
}

// takeMultipart reads an upload's fields and its one file.
func (r *run) takeMultipart(body io.Reader, boundary string) error {
	form, err := multipart.NewReader(body, boundary).ReadForm(bodyMemory)
	if err != nil {
		if isTransport(err) {
			return err
		}
		return &requestError{status: http.StatusBadRequest, code: "bad_multipart", err: err}
	}
	r.form = form
	if err := r.take(func(name string) (string, bool) {
		if v := form.Value[name]; len(v) > 0 {
			return v[0], true
		}
		return "", false
	}); err != nil {
		return err
	}
	for _, files := range form.File {
		for _, f := range files {
			if r.audio != nil {
				return &requestError{status: http.StatusBadRequest, code: "one_file_only"}
			}
			opened, err := f.Open()
			if err != nil {
				return err
			}
			r.file = opened
			r.source, r.audio = fromAudio, bufio.NewReaderSize(opened, 4096)
			r.media, _, _ = mime.ParseMediaType(f.Header.Get("Content-Type"))
		}
	}
	return nil
}

// isTransport says whether reading failed, and not what was read.
func isTransport(err error) bool {
	var tooLarge *http.MaxBytesError
	return errors.As(err, &tooLarge) || errors.Is(err, os.ErrDeadlineExceeded)
}

// plainMedia gives a media type's name without what says the same: "x-".
func plainMedia(media string) string { return strings.Replace(media, "/x-", "/", 1) }
