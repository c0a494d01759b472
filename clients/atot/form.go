package atot

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/textproto"

	"sori/stage"
)

// field is one field of a form.
type field struct{ name, value string }

// form is a multipart form around a recording. The audio itself is never
// copied: it is read from the recording while it is sent.
type form struct {
	contentType string
	head, tail  []byte
}

// newForm makes the form. The fields stand before the file, for engines that
// read a form as it comes.
func newForm(fields []field) *form {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	// Writing to a bytes.Buffer can't fail.
	for _, f := range fields {
		if f.value != "" {
			_ = w.WriteField(f.name, f.value)
		}
	}
	_, _ = w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="utterance.wav"`},
		"Content-Type":        {"audio/wav"},
	})
	return &form{
		contentType: w.FormDataContentType(),
		head:        head.Bytes(),
		tail:        []byte("\r\n--" + w.Boundary() + "--\r\n"),
	}
}

// body gives readers over the whole form, as many as asked for.
func (f *form) body(audio stage.Recording) func() (io.ReadCloser, int64) {
	return func() (io.ReadCloser, int64) {
		wav, size := audio.WAV()
		return &formReader{
			Reader: io.MultiReader(bytes.NewReader(f.head), wav, bytes.NewReader(f.tail)),
			Closer: wav,
		}, int64(len(f.head)) + size + int64(len(f.tail))
	}
}

// formReader reads the form and closes the recording's reader.
type formReader struct {
	io.Reader
	io.Closer
}
