package piper

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxIDs bounds what the model gets at once: its time and memory grow with it.
const maxIDs = 1500

// ids writes a piece of text as the numbers that the model reads: phonemes with
// punctuation between them, a pad behind each. It is empty where nothing is to
// be said.
func (s *Synthesizer) ids(text string) ([]int64, error) {
	c := s.config
	pad := c.IDs[phonemePad]
	ids := append([]int64{}, c.IDs[phonemeBegin]...)
	ids = append(ids, pad...)
	spoken := false
	for _, part := range clauses(text) {
		said, err := s.phonemes.Phonemes(c.Espeak.Voice, part.text)
		if err != nil {
			return nil, err
		}
		for _, r := range norm.NFD.String(said) + part.mark {
			id, ok := c.IDs[string(r)]
			if !ok || len(ids) > maxIDs {
				continue // a phoneme that the voice never heard
			}
			spoken = spoken || unicode.IsLetter(r)
			ids = append(append(ids, id...), pad...)
		}
	}
	if !spoken {
		return nil, nil
	}
	return append(ids, c.IDs[phonemeEnd]...), nil
}

// clause is a part of a sentence and how it ends: the mark, and a space where
// another follows.
type clause struct{ text, mark string }

// clauses cuts a sentence at its punctuation, which espeak-ng leaves out and the
// model knows.
func clauses(text string) []clause {
	var all []clause
	rs := []rune(text)
	begin := 0
	for i, r := range rs {
		last := i+1 == len(rs)
		if !strings.ContainsRune(",;:.!?", r) || !last && !unicode.IsSpace(rs[i+1]) {
			continue
		}
		mark := string(r)
		if !last {
			mark += " "
		}
		all = append(all, clause{strings.TrimSpace(string(rs[begin:i])), mark})
		begin = i + 1
	}
	if rest := strings.TrimSpace(string(rs[begin:])); rest != "" {
		all = append(all, clause{rest, "."})
	}
	return all
}
