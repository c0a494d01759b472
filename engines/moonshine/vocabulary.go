package moonshine

import (
	"fmt"
	"os"
	"strings"
)

const vocabularySize = 32_000

// vocabulary holds each token's text: a word piece in which "▁" is a space, or
// one byte as "<0x0A>".
type vocabulary []string

func readVocabulary(file string) (vocabulary, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v := vocabulary(strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"))
	if len(v) != vocabularySize {
		return nil, fmt.Errorf("%s has %d tokens, want %d", file, len(v), vocabularySize)
	}
	return v, nil
}

// append adds the token's text to b. Tokens without a text, which mark the
// beginning, the end and times, add nothing.
func (v vocabulary) append(b []byte, token int) []byte {
	if token <= tokenEnd || token >= len(v) {
		return b
	}
	t := v[token]
	if c, ok := byteToken(t); ok {
		return append(b, c)
	}
	return append(b, strings.ReplaceAll(t, "▁", " ")...)
}

// byteToken reads "<0x0A>".
func byteToken(t string) (c byte, ok bool) {
	if len(t) != 6 || !strings.HasPrefix(t, "<0x") || t[5] != '>' {
		return 0, false
	}
	for _, d := range []byte(t[3:5]) {
		i := strings.IndexByte("0123456789ABCDEF", d)
		if i < 0 {
			return 0, false
		}
		c = c<<4 | byte(i)
	}
	return c, true
}
