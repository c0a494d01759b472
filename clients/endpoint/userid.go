package endpoint

import "encoding/json"

// UserID reads a user's id out of an answer. The seed's ids are numbers and
// sori's are strings; both become a string, anything else "".
func UserID(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}
