// Package recognizer hears utterances of any length with a model that hears
// segments. Give it a whole utterance with [Recognizer.TranscribeLong] or
// [Recognizer.Stream]; it finds the speech in it, cuts it at pauses into
// segments of at most 15 s and hears those on a bounded number of workers.
//
// What models of this kind need to be right, all of it measured: no segment
// over 15 s (longer ones grow invented sentences), a little real audio around
// the words (bare cuts and digital zeros lose words), and nothing that is not
// speech (silence would come back as "You").
package recognizer
