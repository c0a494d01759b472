// Package words judges what was heard, by its words alone: how far two
// transcripts of a growing utterance agree, whether a sentence is finished,
// whether somebody took the floor or only nodded, whether sori heard itself, and
// whether a transcript is what recognisers invent for noise. All of it is pure.
package words
