package eot

import "testing"

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"prediction":1,"probability":0.93}`, `{"prediction":true}`, `{"probability":1e-300}`, `{"probability":NaN}`, `{"error":{}}`, ``, `[1]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if p, err := decode(body); err == nil && !(p >= 0 && p <= 1) || err != nil && p != 0 {
			t.Errorf("%q became %v, %v", body, p, err)
		}
	})
}
