// Package enginehttp serves engines over HTTP, each in two dialects:
//
//	          the seed's                         OpenAI's
//	ATOT      POST, GET /run-model               POST /v1/audio/transcriptions
//	TTOT      POST, GET /generate                POST /v1/chat/completions
//	TTS       POST /tts                          POST /v1/audio/speech
//	all       GET /health                        GET /v1/models
//
// The POSTs of the seed's dialect are runs with their own input. Its GETs ask
// for the latest: ATOT keeps the last transcript of each user, and TTOT answers
// the last transcript, for which it asks the ATOT service as the seed does.
//
// A request passes a gate (so many at once, so many waiting, so many bytes of
// uploads in memory; beyond that HTTP 503 with Retry-After), its body is read
// against a deadline, and the engine works on a context that ends with the
// client's connection. A reply that breaks off after its header closes the
// connection without the mark of its end, so that it can't be taken for whole.
//
// Errors are JSON that both dialects' clients understand:
//
//	{"error": {"message": "…", "type": "invalid_request_error", "code": "engine_rejected", "param": null}, "detail": "…"}
package enginehttp
