// Package moonshine turns English speech into text with the Moonshine tiny
// model on ONNX Runtime, for a [recognizer.Recognizer].
//
// What it needs besides what all such models do, measured: no end of text as
// the first token (quiet speech would come back empty).
package moonshine
