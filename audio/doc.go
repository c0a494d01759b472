// Package audio turns what clients, files and engines send into the one form
// that sori works in, and back: 16,000 Hz, mono, signed 16-bit little-endian.
//
// On the way in, [Input] decodes a client's frames (PCM of any rate, or Opus)
// and [Buffer] stitches them into an utterance, which is handed over as a
// [Clip]: immutable, reference counted, and readable as a WAV file without a
// copy. [ReadWAV] and [WAVStream] read the WAV files and streams of others,
// however much their headers lie. [Resampler] converts rates in both
// directions.
//
// WAV is parsed here and not by go-audio/wav, which makes a buffer as large as
// a header claims and takes floats for integers. It is the oracle in the tests:
// what one of the two writes, the other must read.
//
// Nothing in this package opens a file or a connection, and nothing in it logs.
package audio
