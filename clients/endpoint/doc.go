// Package endpoint is the part that the clients of all stages share: it reads
// the URLs that name engines, calls one engine over HTTP within time limits, and
// puts every failure into words.
//
// # URLs
//
//	http://HOST[:PORT][/PATH]          the seed's dialect; PATH replaces the stage's own (/run-model, /generate, /tts)
//	https://…                          the same over TLS
//	openai+http://HOST[:PORT][/BASE]   OpenAI-compatible; BASE is /v1 when there is none
//	openai+https://…                   the same over TLS
//
// An OpenAI-compatible path that already ends in the stage's own, such as
// /v1/audio/transcriptions, or in /inference (whisper.cpp), is taken as it is.
// Several URLs separated by commas are tried in order. Parameters follow the
// question mark; a plus sign stays a plus sign:
//
//	name       the engine's name in history and messages; else the model, else HOST:PORT
//	key_env    the environment variable that holds the API key
//	model      the model to ask for
//	language   the language to assume when the session has none (ATOT)
//	voice      the voice to speak with when the session has none (TTS)
//	rate       the rate in Hz of headerless PCM (TTS; 24000)
//	format     pcm or wav: what to ask for first (TTS), verbose_json, json or text (ATOT)
//	stream     true: ask for a stream of partial transcripts (ATOT), send "stream": true (TTS)
//	hedge      after how long without an answer the next engine is asked as well, such as 800ms
//	max_tokens, temperature            of a reply (TTOT; max_tokens is 1024)
//
// API keys come from the environment only: from the variable that key_env
// names, and for the first URL without key_env from SORI_ATOT_KEY,
// SORI_TTOT_KEY or SORI_TTS_KEY. A key is in no URL, no error and no log.
//
// # Time limits
//
// A call has [Options.Timeout] (30 s) for what the listener waits for: the whole
// transcript at ATOT, the first words at TTOT, the first audio at TTS. After
// that the next words or audio must come within [Options.Idle] (15 s), and all
// of it within [Options.Total] (5 min). What counts is the time in which sori
// waits for the engine, never the time in which sori itself is busy, and
// progress is whole words or whole chunks of audio, not bytes: an engine that
// drips a byte a second ends like one that hangs.
package endpoint
