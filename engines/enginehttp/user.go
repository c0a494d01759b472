package enginehttp

import (
	"encoding/json"
	"strings"
)

// maxUser bounds a user's id, in bytes.
const maxUser = 256

// userID is a user's id: text inside, a number in JSON where it is made of
// digits, as in the seed. Both are read.
type userID string

// isNumber says whether the id is printed as a number: digits that any JSON
// reader keeps.
func (u userID) isNumber() bool {
	return u != "" && len(u) <= 15 && strings.Trim(string(u), "0123456789") == "" && (u[0] != '0' || u == "0")
}

// MarshalJSON implements json.Marshaler.
func (u userID) MarshalJSON() ([]byte, error) {
	if u.isNumber() {
		return []byte(u), nil
	}
	return json.Marshal(string(u))
}

// UnmarshalJSON implements json.Unmarshaler.
func (u *userID) UnmarshalJSON(b []byte) error {
	var n json.Number
	if len(b) > 0 && b[0] != '"' && string(b) != "null" {
		if err := json.Unmarshal(b, &n); err != nil {
			return badRequest("user_id", "user_id must be a number or a text.")
		}
		*u = userID(n)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return badRequest("user_id", "user_id must be a number or a text.")
	}
	*u = userID(s)
	return nil
}

// or gives the id, or the default where there is none.
func (u userID) or(d string) (string, error) {
	switch {
	case u == "":
		return d, nil
	case len(u) > maxUser:
		return "", badRequest("user_id", "user_id is too long: at most %d bytes.", maxUser)
	}
	return string(u), nil
}
