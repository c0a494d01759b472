package enginehttp

import "encoding/json"

// textOrObject reads "name", {"id": "name"} or null.
func textOrObject(b []byte) (string, error) {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s == nil {
			return "", nil
		}
		return *s, nil
	}
	var o struct {
		ID string `json:"id"`
	}
	err := json.Unmarshal(b, &o)
	return o.ID, err
}
