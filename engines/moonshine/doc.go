// Package moonshine turns English speech into text with the Moonshine tiny
// model on ONNX Runtime. Give it a whole utterance with
// [Recognizer.TranscribeLong] or [Recognizer.Stream]; it finds the speech in it,
// cuts it at pauses into segments of at most 15 s and hears those on a bounded
// number of workers.
//
// What the model needs to be right, all of it measured: no segment over 15 s
// (longer ones grow invented sentences), a little real audio around the words
// (bare cuts and digital zeros lose words), no end of text as the first token
// (quiet speech would come back empty), and nothing that is not speech (silence
// would come back as "You").
package moonshine
