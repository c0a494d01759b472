// Package flite is the local TTS engine: CMU Flite, compiled to WebAssembly and
// run by wazero, so that neither cgo nor a native library is needed.
//
// Every clause runs in a module instance of its own, which has no file system,
// no environment and no network; its memory comes from a slab that the worker
// lends it and takes back. Audio is taken while it is made: flite hands its
// streaming callback 20 ms at a time, and the package listens to that call. The
// same calls are where a cancelled clause stops. (wazero's own way to stop a
// module, WithCloseOnContextDone, made synthesis 8 times slower.)
package flite
