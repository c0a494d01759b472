package models

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
)

const (
	vocabularySize = 32_000
	// maxSource bounds the source of a file that is converted, in bytes.
	maxSource = 4 << 20
)

// flattenVocabulary takes the vocabulary out of the source of
// llama-tokenizer-js, where it is a Base64 string of tokens with line breaks
// between them, and gives one token a line.
func flattenVocabulary(source []byte) ([]byte, error) {
	_, rest, ok := bytes.Cut(source, []byte(`const llama_vocab_base64 = "`))
	if !ok {
		return nil, errors.New("the tokenizer's source holds no vocabulary")
	}
	encoded, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok {
		return nil, errors.New("the vocabulary in the tokenizer's source has no end")
	}
	text := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)), base64.StdEncoding.DecodedLen(len(encoded))+1)
	n, err := base64.StdEncoding.Decode(text, encoded)
	if err != nil {
		return nil, fmt.Errorf("the vocabulary in the tokenizer's source: %w", err)
	}
	text = append(text[:n], '\n')
	if lines := bytes.Count(text, []byte("\n")); lines != vocabularySize {
		return nil, fmt.Errorf("the vocabulary has %d tokens instead of %d", lines, vocabularySize)
	}
	return text, nil
}
