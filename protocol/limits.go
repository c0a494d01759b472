package protocol

// Limits of what a client may send. A server may not raise them: clients and
// documents rely on them.
const (
	// MaxTextFrame is the largest text frame, in bytes.
	MaxTextFrame = 64 << 10
	// MaxAudioFrame is the largest binary frame, in bytes: 0.68 s at 48,000 Hz.
	MaxAudioFrame = 64 << 10
	// MaxDepth is how deep JSON may be nested.
	MaxDepth = 64

	// MaxUser is the longest user id, in bytes.
	MaxUser = 128
	// MaxText is the longest typed turn, in bytes.
	MaxText = 16 << 10
	// MaxInstructions are the longest instructions, in bytes.
	MaxInstructions = 16 << 10
	// MaxVoice is the longest name of a voice, in bytes.
	MaxVoice = 128
	// MaxLanguage is the longest language tag, in bytes.
	MaxLanguage = 35
	// MaxPingID is the longest id of a ping, in bytes.
	MaxPingID = 64

	// MinRate and MaxRate bound a format's rate, in Hz.
	MinRate = 8_000
	MaxRate = 48_000
	// DefaultRate is the rate of a format that names none, in Hz.
	DefaultRate = 16_000
)
