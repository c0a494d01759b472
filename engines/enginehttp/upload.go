package enginehttp

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"sori/audio"
	"sori/stage"
)

// maxField bounds a field of a form, in bytes.
const maxField = 64 << 10

// uploadedAudio is a request with audio in it.
type uploadedAudio struct {
	pcm    []byte // 16,000 Hz, mono, signed 16-bit little-endian
	fields map[string]string
}

// readAudio reads a form with a WAV file in it, or a bare WAV file. What it
// holds in memory is counted; the caller calls done when it needs it no more.
func (a *atot) readAudio(w http.ResponseWriter, r *http.Request) (_ *uploadedAudio, done func(), err error) {
	size := r.ContentLength
	if size > a.MaxBody {
		return nil, nil, tooLarge(a.MaxBody)
	}
	if size < 0 {
		size = a.MaxBody
	}
	if !a.uploaded.take(size) {
		return nil, nil, errBusy
	}
	up, err := a.readBody(w, r)
	if err != nil {
		a.uploaded.give(size)
		return nil, nil, err
	}
	return up, func() { a.uploaded.give(size) }, nil
}

func (a *atot) readBody(w http.ResponseWriter, r *http.Request) (*uploadedAudio, error) {
	lift := a.bodyDeadline(w)
	body := http.MaxBytesReader(w, r.Body, a.MaxBody)
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	up := &uploadedAudio{fields: map[string]string{}}
	var file *audio.PCM
	switch {
	case media == "multipart/form-data":
		file, err = a.readForm(multipart.NewReader(body, params["boundary"]), up.fields)
	case strings.HasPrefix(media, "audio/"), media == "application/octet-stream", media == "":
		file, err = a.readWAV(body)
	default:
		return nil, &requestError{
			status:  http.StatusUnsupportedMediaType,
			code:    stage.CodeRejected,
			message: "Send a form (multipart/form-data) with a WAV file in the field \"file\", or the WAV file itself (audio/wav).",
		}
	}
	if err != nil {
		return nil, err
	}
	// Only once the whole body is read does the server notice that a client leaves.
	if _, err = io.Copy(io.Discard, body); err != nil {
		return nil, bodyError(err)
	}
	lift()
	for name, values := range r.URL.Query() {
		if _, ok := up.fields[name]; !ok && len(values) > 0 {
			up.fields[name] = values[0]
		}
	}
	up.pcm, err = a.canonical(file)
	return up, err
}

// readForm reads the fields and the file of a form, in any order.
func (a *atot) readForm(form *multipart.Reader, fields map[string]string) (*audio.PCM, error) {
	var file *audio.PCM
	for range 64 {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			if file == nil {
				return nil, badRequest("file", "The form holds no file: put the WAV file into the field \"file\".")
			}
			return file, nil
		}
		if err != nil {
			return nil, formError(err)
		}
		if part.FormName() == "file" {
			if file != nil {
				return nil, badRequest("file", "The form holds two files; send one.")
			}
			if file, err = a.readWAV(part); err != nil {
				return nil, err
			}
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, maxField+1))
		if err != nil {
			return nil, formError(err)
		}
		if len(value) > maxField {
			return nil, badRequest(part.FormName(), "The field %.40q is too long.", part.FormName())
		}
		fields[part.FormName()] = string(value)
	}
	return nil, badRequest("", "The form has too many fields.")
}

func formError(err error) error {
	if e, ok := errors.AsType[*requestError](bodyError(err)); ok && e.status == http.StatusRequestTimeout {
		return e
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return &requestError{status: http.StatusBadRequest, code: stage.CodeRejected, message: "The form is broken or was cut off.", err: err}
}

// readWAV reads a file; an error is a *audio.WAVError, or why reading failed.
func (a *atot) readWAV(r io.Reader) (*audio.PCM, error) {
	file, err := audio.ReadWAV(r, a.MaxBody)
	if err != nil {
		if e, ok := errors.AsType[*audio.WAVError](err); ok && e.Err == nil {
			if e.Code == audio.WAVTooLarge {
				return nil, tooLarge(a.MaxBody)
			}
			return nil, err
		}
		return nil, formError(err)
	}
	return file, nil
}

// canonical brings a file to the form that engines hear.
func (a *atot) canonical(file *audio.PCM) ([]byte, error) {
	if d := file.Duration(); d > a.MaxAudio {
		return nil, &requestError{
			status:  http.StatusRequestEntityTooLarge,
			code:    stage.CodeRejected,
			message: fmt.Sprintf("The recording lasts %.0f s; at most %.0f s are taken.", d.Seconds(), a.MaxAudio.Seconds()),
			param:   "file",
		}
	}
	if file.Rate == audio.Rate {
		return file.Data, nil
	}
	rs, err := audio.NewResampler(file.Rate, audio.Rate)
	if err != nil {
		return nil, badRequest("file", "Audio of %d Hz can't be read.", file.Rate)
	}
	out := make([]byte, 0, rs.OutputBytes(len(file.Data))+rs.OutputBytes(0))
	return rs.Flush(rs.Append(out, file.Data)), nil
}
