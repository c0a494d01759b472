package audio

import "fmt"

// Codes of a WAV file that can't be used.
const (
	WAVNotWAV      = "not_wav"        // it does not begin as a WAV file
	WAVCut         = "wav_cut"        // it ends inside the header
	WAVNoFormat    = "wav_no_format"  // no fmt chunk before the audio
	WAVNoData      = "wav_no_data"    // no data chunk
	WAVEmpty       = "wav_empty"      // not one whole sample
	WAVBadFormat   = "wav_bad_format" // the fmt chunk contradicts itself
	WAVBadRate     = "wav_bad_rate"   // the sample rate is 0 or out of range
	WAVChannels    = "wav_channels"   // no channel, or more than 8
	WAVUnsupported = "wav_unsupported"
	WAVTooLarge    = "wav_too_large" // more bytes than the caller allows
)

// WAVError says why a WAV file can't be used and what to do about it.
type WAVError struct {
	Code    string // one of the codes above, for machines
	Message string // a sentence for people
	Err     error  // the cause, when reading failed; may be nil
}

func (e *WAVError) Error() string {
	if e.Err != nil {
		return "audio: " + e.Message + " (" + e.Err.Error() + ")"
	}
	return "audio: " + e.Message
}

func (e *WAVError) Unwrap() error { return e.Err }

func wavError(code, format string, args ...any) *WAVError {
	return &WAVError{Code: code, Message: fmt.Sprintf(format, args...)}
}
