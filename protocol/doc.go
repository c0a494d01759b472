// Package protocol is sori's native wire contract: what travels over the one
// WebSocket of a session, at /ws.
//
// # Flow
//
// A client connects and sends [Configure] first. The server answers with
// [Ready]. From then on the client pushes audio as binary frames and says with
// [Commit] that the utterance has ended (or sends [Text] instead of speaking).
// The server answers with the events of one turn:
//
//	turn.started
//	  atot.started  atot.partial*  atot.done        (not for typed text)
//	  ttot.started  ttot.partial*  ttot.done
//	  tts.started   tts.partial*   tts.done
//	  audio.begin   binary frame*  audio.end        (between tts.started and the end)
//	turn.done | turn.cancelled | turn.failed        (exactly one)
//
// The stages overlap: sori speaks the first clause while TTOT still writes, so
// the events of ttot, tts and audio are interleaved. A stage that fails sends
// <stage>.failed; the turn then ends with turn.failed, the session stays open,
// and the turn is kept in history all the same.
//
// # Frames
//
// Text frames carry one JSON object each, with its kind in "type". Binary
// frames carry audio and nothing else, in both directions, in the formats that
// [Ready] names. For pcm_s16le a frame is a whole number of samples: signed
// 16-bit, little-endian, mono. For opus a frame is one Opus packet.
//
// # Sequence
//
// Every server event carries "seq" (1, 2, 3 …), "turn" (0 outside of a turn)
// and "ms", milliseconds since the session began. A binary frame from the
// server takes the next sequence number too, without carrying it: a client
// counts it. So a client always knows the number of the last thing that it got.
//
// The package depends on the standard library and on the record of a turn in
// package history, nothing else.
package protocol
