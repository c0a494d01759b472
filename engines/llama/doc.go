// Package llama is the local TTOT engine for language models in GGUF files:
// llama.cpp, loaded when the program runs and called without cgo.
//
// A [Library] is llama.cpp's shared libraries; a [Responder] is one model on
// it, with a number of conversations side by side. One goroutine, the
// responder's loop, owns everything that llama.cpp may be asked by one thread
// only (its context and its cache); the others tokenize, wait and stream.
//
// Each conversation keeps a sequence of llama.cpp's cache. The next turn of the
// same conversation begins with the same tokens, so only what is new is
// computed: of all idle sequences, the one that shares the longest beginning
// with the prompt is taken, if that is more than the instructions that all
// conversations begin with; those are copied. Nothing else ties a conversation
// to a sequence, so there is no session to open or close.
//
// llama.cpp ends the process where it is used against its rules (a prompt
// longer than the batch, say). What is checked before the call is here; the
// rest is why this engine belongs into a process of its own.
package llama
