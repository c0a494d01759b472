package auth

import "errors"

// Why a caller is refused.
var (
	// ErrMissing says that the caller showed nothing.
	ErrMissing = errors.New("auth: no credential")
	// ErrInvalid says that the credential is none, or none that is known.
	ErrInvalid = errors.New("auth: the credential is not valid")
	// ErrExpired says that the credential was good, and its time is over.
	ErrExpired = errors.New("auth: the credential has expired")
	// ErrRevoked says that the credential, or the key behind it, was revoked.
	ErrRevoked = errors.New("auth: the credential was revoked")
	// ErrUnavailable says that nobody can tell now whether the credential is good.
	ErrUnavailable = errors.New("auth: the credential can't be checked now")
)
