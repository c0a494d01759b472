package ort

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// Positions of functions in the C struct OrtApi. The struct is only ever
// appended to, so a position never changes its meaning.
const (
	fnGetErrorMessage       = 2
	fnCreateEnv             = 3
	fnDisableTelemetry      = 6
	fnCreateSession         = 7
	fnCreateSessionOf       = 8 // CreateSessionFromArray
	fnRun                   = 9
	fnCreateSessionOptions  = 10
	fnDisableMemPattern     = 17
	fnSetIntraOpThreads     = 24
	fnSetInterOpThreads     = 25
	fnSessionInputCount     = 30
	fnSessionOutputCount    = 31
	fnSessionInputName      = 36
	fnSessionOutputName     = 37
	fnCreateRunOptions      = 39
	fnRunSetTerminate       = 46
	fnCreateTensor          = 48
	fnTensorData            = 51
	fnTensorType            = 60
	fnDimensionsCount       = 61
	fnDimensions            = 62
	fnElementCount          = 64
	fnTypeAndShape          = 65
	fnAllocatorAlloc        = 75
	fnAllocatorFree         = 76
	fnDefaultAllocator      = 78
	fnReleaseStatus         = 93
	fnReleaseSession        = 95
	fnReleaseValue          = 96
	fnReleaseRunOptions     = 97
	fnReleaseShape          = 99
	fnReleaseSessionOptions = 100
	fnAddSessionConfig      = 130
	tableLen                = 131

	apiVersion = 18 // the oldest API that has all of these; newer libraries serve it too
)

// logFatal keeps the library silent: what goes wrong comes back as an error.
const logFatal = 4

// api is the library's table of functions. It is immutable once loaded.
type api struct {
	table *[tableLen]uintptr
}

// call runs a function that returns an OrtStatus.
func (a *api) call(doing string, fn int, args ...uintptr) error {
	status := invoke(a.table[fn], args...)
	if status == 0 {
		return nil
	}
	msg := goString(invoke(a.table[fnGetErrorMessage], status))
	invoke(a.table[fnReleaseStatus], status)
	return fmt.Errorf("onnxruntime: %s: %s", doing, msg)
}

// release runs a function that frees something and returns nothing.
func (a *api) release(fn int, handle uintptr) {
	if handle != 0 {
		invoke(a.table[fn], handle)
	}
}

// loadAPI finds the table in the library whose OrtGetApiBase is at base.
func loadAPI(getBase uintptr) (a *api, version string, err error) {
	base := invoke(getBase)
	if base == 0 {
		return nil, "", errors.New("onnxruntime: the library gives no API")
	}
	// struct OrtApiBase { GetApi(version); GetVersionString(); }
	fns := (*[2]uintptr)(memory(base))
	version = goString(invoke(fns[1]))
	table := invoke(fns[0], apiVersion)
	if table == 0 {
		return nil, version, fmt.Errorf("onnxruntime: version %s does not serve API %d: use 1.18 or newer", version, apiVersion)
	}
	return &api{table: (*[tableLen]uintptr)(memory(table))}, version, nil
}

// memory turns an address that C gave into a pointer. It is for C's memory only,
// which Go's collector neither moves nor frees.
func memory(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

// goString copies a C string.
func goString(addr uintptr) string {
	if addr == 0 {
		return ""
	}
	p, n := memory(addr), 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// args holds Go memory that C reads or writes during one call. Whoever makes one
// calls done before returning.
type args struct{ p runtime.Pinner }

func (a *args) done() { a.p.Unpin() }

// text gives a C string.
func (a *args) text(s string) uintptr {
	b := append([]byte(s), 0)
	a.p.Pin(&b[0])
	return uintptr(unsafe.Pointer(&b[0]))
}

// bytes gives the address of b, which is not empty.
func (a *args) bytes(b []byte) uintptr {
	a.p.Pin(&b[0])
	return uintptr(unsafe.Pointer(&b[0]))
}

// out gives room for n words that C writes, and its address.
func (a *args) out(n int) (words []uintptr, addr uintptr) {
	words = make([]uintptr, n)
	a.p.Pin(&words[0])
	return words, uintptr(unsafe.Pointer(&words[0]))
}

// shape gives the address of the dimensions; there is at least one.
func (a *args) shape(dims []int64) uintptr {
	a.p.Pin(&dims[0])
	return uintptr(unsafe.Pointer(&dims[0]))
}
