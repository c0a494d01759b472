package realtime

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// AppendEvent appends the text frame of an event to dst: one JSON object with
// "type", "event_id" and then the event's own fields.
func AppendEvent(dst []byte, eventID string, e ServerEvent) ([]byte, error) {
	if d, ok := e.(AudioDelta); ok {
		return appendAudio(dst, d.Type(), eventID, &d), nil
	}
	body, err := encode(e)
	if err != nil {
		return dst, fmt.Errorf("realtime: write %s: %w", e.Type(), err)
	}
	return appendBody(dst, e.Type(), eventID, body), nil
}

func appendBody(dst []byte, kind, eventID string, body []byte) []byte {
	dst = slices.Grow(dst, len(body)+len(kind)+len(eventID)+32)
	dst = appendHead(dst, kind, eventID)
	if len(body) > len("{}") {
		dst = append(dst, ',')
	}
	return append(dst, body[1:]...)
}

func appendHead(dst []byte, kind, eventID string) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","event_id":"`...)
	dst = append(dst, eventID...)
	return append(dst, '"')
}

// appendAudio writes the hot event. Ids are sori's own: nothing in them needs an
// escape.
func appendAudio(dst []byte, kind, eventID string, d *AudioDelta) []byte {
	dst = slices.Grow(dst, base64.StdEncoding.EncodedLen(len(d.Audio))+256)
	dst = appendHead(dst, kind, eventID)
	dst = append(dst, `,"response_id":"`...)
	dst = append(dst, d.ResponseID...)
	dst = append(dst, `","item_id":"`...)
	dst = append(dst, d.ItemID...)
	dst = append(dst, `","output_index":`...)
	dst = strconv.AppendInt(dst, int64(d.OutputIndex), 10)
	dst = append(dst, `,"content_index":`...)
	dst = strconv.AppendInt(dst, int64(d.ContentIndex), 10)
	dst = append(dst, `,"delta":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, d.Audio)
	return append(dst, `"}`...)
}

// encode gives v as a JSON object. Unlike json.Marshal it leaves <, > and & in
// texts as they are.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// MarshalJSON writes absent fields as null, as the API does.
func (e ErrorEvent) MarshalJSON() ([]byte, error) {
	orNull := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	type body struct {
		Type    string  `json:"type"`
		Code    *string `json:"code"`
		Message string  `json:"message"`
		Param   *string `json:"param"`
		EventID *string `json:"event_id"`
	}
	return json.Marshal(struct {
		Error body `json:"error"`
	}{body{e.Err.Type, orNull(e.Err.Code), e.Err.Message, orNull(e.Err.Param), orNull(e.Err.EventID)}})
}
