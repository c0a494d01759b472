// Package espeak asks espeak-ng how words are pronounced, for voices that are
// trained on its phonemes, and lets it speak itself where no better voice has
// the language: a plain formant voice that knows over a hundred languages.
//
// espeak-ng is a library of its own under the GPL. It is no part of sori's
// binary: it is loaded when the program runs, from the models folder or from
// where the system has installed it.
//
// The library keeps its state in globals, so one process loads it once and its
// calls take turns.
package espeak
