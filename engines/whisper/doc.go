// Package whisper turns speech of many languages into text with OpenAI's
// Whisper on ONNX Runtime, for a [recognizer.Recognizer]. The weights are read
// as CTranslate2 keeps them (model.bin, config.json, vocabulary.txt, as in
// faster-whisper); the graphs that use them are made here, so there is neither
// a second library nor a converted copy on the disk.
//
// Whisper was made for pieces of 30 s. Here it is given what there is and a
// little silence behind it, which takes a fraction of the time.
package whisper
