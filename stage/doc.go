// Package stage holds the words that the three stages of a turn speak with the
// session: what goes into ATOT (audio to text), TTOT (text to text) and TTS
// (text to speech), what comes out, and how a stage fails.
//
// It is a leaf: package session declares the interfaces that it consumes in
// these terms, and clients and engines satisfy them without importing session.
package stage
