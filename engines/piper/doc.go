// Package piper is the local TTS engine for natural voices: Piper's VITS models
// in ONNX form, on package ort.
//
// A text is cut into sentences, each sentence is written in phonemes (by
// espeak-ng, which whoever opens a voice hands in), and the model makes the
// sound of the whole sentence at once. So the first audio comes after the first
// sentence; where that is long, it is cut at a comma.
package piper
