package models

import (
	"errors"
	"io/fs"
	"syscall"
)

// Code says, for programs, what went wrong with the models.
type Code string

// Codes of an [Error].
const (
	CodeMissing  Code = "models_missing"       // files are not there, or not complete
	CodeDamaged  Code = "models_damaged"       // a file is not what the manifest asks for
	CodePlatform Code = "platform_unsupported" // no local engines for this machine
	CodeNoNPM    Code = "npm_missing"          // npm is not installed
	CodeNPM      Code = "npm_failed"           // npm failed in a way that sori does not know
	CodeNoPip    Code = "pip_missing"          // pip is not installed
	CodePip      Code = "pip_failed"           // pip failed in a way that sori does not know
	CodeUnknown  Code = "model_unknown"        // there is no bundle of that name
	CodeNetwork  Code = "network"              // the registry can't be reached
	CodeRefused  Code = "registry_refused"     // the registry answered, with a no
	CodeArchive  Code = "archive_broken"       // what came is no whole archive with the files in it
	CodeChecksum Code = "checksum_mismatch"    // what came has the wrong checksum
	CodeDiskFull Code = "disk_full"
	CodeFolder   Code = "folder_unusable" // the models folder can't be made, read or written
)

// Error is a failure around the models, in words that say what to do.
type Error struct {
	Code Code
	What string // what failed, with what; no full stop
	Do   string // what to do about it, a sentence or more
	Err  error  // the cause, may be nil
}

func (e *Error) Error() string {
	s := "models: " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s + ". " + e.Do
}

func (e *Error) Unwrap() error { return e.Err }

// fileError turns a failure of the file system into words.
func fileError(doing, path string, err error) error {
	e := &Error{Code: CodeFolder, What: doing + " failed", Err: err}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Code, e.Do = CodeDiskFull, "The disk is full: free some space, or set SORI_MODELS to a folder on another disk."
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Do = "sori may not write to " + path + ": change its owner, or set SORI_MODELS to a folder that sori may write to."
	default:
		e.Do = "Look at " + path + ", or set SORI_MODELS to another folder."
	}
	return e
}
