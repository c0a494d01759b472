package whisper

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// vocabulary holds each token's text, in letters that stand for bytes.
type vocabulary struct {
	tokens []string
	bytes  map[rune]byte // what a letter stands for

	end, start, transcribe, noTimes, noSpeech int
	languages                                 map[string]int // tokens by base tag
	first                                     int            // of all that are no text
}

// readVocabulary reads one token a line; the line is the token's number.
func readVocabulary(file string, n int) (*vocabulary, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v := &vocabulary{tokens: strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), bytes: byteLetters(), languages: map[string]int{}}
	if len(v.tokens) != n {
		return nil, fmt.Errorf("%s has %d tokens, the model %d", file, len(v.tokens), n)
	}
	find := func(name string) int {
		i := slices.Index(v.tokens, "<|"+name+"|>")
		if i < 0 {
			err = errors.Join(err, fmt.Errorf("%s has no <|%s|>", file, name))
		}
		return i
	}
	v.end, v.start, v.transcribe = find("endoftext"), find("startoftranscript"), find("transcribe")
	v.noTimes, v.noSpeech = find("notimestamps"), slices.Index(v.tokens, "<|nospeech|>")
	if err != nil {
		return nil, err
	}
	v.first = v.end
	for i := v.start + 1; i < n; i++ {
		name := strings.TrimSuffix(strings.TrimPrefix(v.tokens[i], "<|"), "|>")
		if name == "translate" { // it comes behind the languages
			break
		}
		v.languages[name] = i
	}
	if len(v.languages) == 0 {
		return nil, fmt.Errorf("%s has no languages: it is of an English-only Whisper", file)
	}
	return v, nil
}

// byteLetters gives the letters by which GPT-2's vocabulary writes bytes:
// printable ones as themselves, the others from 256 on.
func byteLetters() map[rune]byte {
	m := make(map[rune]byte, 256)
	next := rune(256)
	for b := range 256 {
		switch r := rune(b); {
		case r >= '!' && r <= '~', r >= '¡' && r <= '¬', r >= '®' && r <= 'ÿ':
			m[r] = byte(b)
		default:
			m[next] = byte(b)
			next++
		}
	}
	return m
}

// append adds the token's bytes to b; only with other tokens' they may be UTF-8.
func (v *vocabulary) append(b []byte, token int) []byte {
	if token < 0 || token >= v.first {
		return b
	}
	for _, r := range v.tokens[token] {
		if c, ok := v.bytes[r]; ok {
			b = append(b, c)
		}
	}
	return b
}

// text gives the tokens' text.
func (v *vocabulary) text(tokens []int) string {
	var b []byte
	for _, t := range tokens {
		b = v.append(b, t)
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(b), ""))
}
