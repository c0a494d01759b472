// Package ort runs ONNX models on ONNX Runtime without cgo: it loads the shared
// library when the program runs and calls its C API (CPU, dense tensors).
//
// Every failing call comes back as a Go error: the C API reports through a
// status and never throws. A file that is no model, a tensor of the wrong type
// or shape, a session that is closed: errors, not crashes. What remains with the
// caller is to free each [Value] once nothing uses it.
//
// No Go memory stays with C after a call. Tensors live in the library's own
// memory and are written and read through views, because a runtime.Pinner that
// is collected while it pins anything ends the process.
//
// The library needs a C loader, so even a binary without cgo must find glibc (or
// macOS) where it runs.
package ort
