//go:build !unix

package server

// readsRaw says that sockets are read by package net alone here.
const readsRaw = false

func readRaw(uintptr, []byte) (n int, again bool) { return 0, false }
