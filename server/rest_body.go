package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"sori/protocol"
)

// maxFields is the largest JSON object or form, in bytes.
const maxFields = protocol.MaxTextFrame

// takeForm reads a form.
func (r *run) takeForm(body io.Reader) error {
	data, err := readFields(body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(data))
	if err != nil {
		return &requestError{status: http.StatusBadRequest, code: "bad_form", err: err}
	}
	return r.take(func(name string) (string, bool) { return form.Get(name), form.Has(name) })
}

// takeJSON reads an object of strings and numbers.
func (r *run) takeJSON(body io.Reader) error {
	data, err := readFields(body)
	if err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil {
		return &requestError{status: http.StatusBadRequest, code: protocol.ErrBadJSON, args: []any{"The body is not a JSON object."}, err: err}
	}
	var wrong error
	err = r.take(func(name string) (string, bool) {
		raw, ok := object[name]
		if !ok || string(raw) == "null" {
			return "", false
		}
		var text string
		var number json.Number
		if json.Unmarshal(raw, &text) == nil {
			return text, true
		}
		if json.Unmarshal(raw, &number) == nil {
			return number.String(), true
		}
		wrong = errors.Join(wrong, badParameter(name, "a string"))
		return "", false
	})
	return errors.Join(wrong, err)
}

func readFields(body io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxFields+1))
	if err == nil && len(data) > maxFields {
		err = &http.MaxBytesError{Limit: maxFields}
	}
	return data, err
}
