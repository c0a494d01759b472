package moonshine

import (
	"fmt"

	"sori/engines/ort"
	"sori/engines/recognizer"
)

// Engine is the name that history and clients see.
const Engine = "moonshine-tiny-en"

// Files are the paths of the model.
type Files struct {
	Encoder, Decoder string // ONNX
	Vocabulary       string // text, one token a line
}

// Open loads the model. It takes up to a second. The recognizer's Name is set
// where o has none; each worker takes up to about 90 MB.
func Open(r *ort.Runtime, f Files, o recognizer.Options) (*recognizer.Recognizer, error) {
	m, err := openModel(r, f)
	if err != nil {
		return nil, fmt.Errorf("moonshine: %w", err)
	}
	if o.Name == "" {
		o.Name = "moonshine"
	}
	return recognizer.New(m, o), nil
}
