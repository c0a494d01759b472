package audio

import "encoding/binary"

// The sample formats of WAV that are understood.
const (
	formatPCM        = 1
	formatFloat      = 3
	formatExtensible = 0xFFFE
)

// Bounds of a WAV file, as sori takes them.
const (
	minWAVRate     = 1000
	maxWAVRate     = 192000
	maxWAVChannels = 8
	mostBlock      = maxWAVChannels * 8 // bytes of one sample of all channels
)

// Sizes of the fmt chunk: what every file has, and where the sub-format of
// WAVE_FORMAT_EXTENSIBLE lies. Whatever is longer than fmtLimit is no format.
const (
	fmtBytes      = 16
	subFormatAt   = 24
	fmtLimit      = 1 << 10
	chunkHeader   = 8
	riffHeader    = 12
	convertAdvice = "Send a WAV file; this makes one: ffmpeg -i in.file -ac 1 -ar 16000 -c:a pcm_s16le out.wav"
)

// wavFormat is what a fmt chunk says.
type wavFormat struct {
	channels int
	rate     int // Hz
	bits     int // of one sample
	float    bool
}

// block is the size of one sample of all channels, in bytes.
func (f wavFormat) block() int { return f.channels * f.bits / 8 }

// plain reports whether the audio is in sori's own form already.
func (f wavFormat) plain() bool { return f.channels == 1 && f.bits == 16 && !f.float }

// parseFormat reads a fmt chunk of at least fmtBytes and checks each claim.
func parseFormat(chunk []byte) (wavFormat, error) {
	le := binary.LittleEndian
	tag := le.Uint16(chunk)
	if tag == formatExtensible && len(chunk) >= subFormatAt+2 {
		tag = le.Uint16(chunk[subFormatAt:])
	}
	f := wavFormat{
		channels: int(le.Uint16(chunk[2:])),
		rate:     int(le.Uint32(chunk[4:])),
		bits:     int(le.Uint16(chunk[14:])),
		float:    tag == formatFloat,
	}
	align := int(le.Uint16(chunk[12:]))
	switch {
	case tag != formatPCM && tag != formatFloat:
		return f, wavError(WAVUnsupported, "The WAV file holds audio of format %#04x, which is neither PCM nor float. %s", tag, convertAdvice)
	case f.channels == 0:
		return f, wavError(WAVChannels, "The WAV header says that there are 0 channels. Write the file again with 1 channel.")
	case f.channels > maxWAVChannels:
		return f, wavError(WAVChannels, "The WAV header says that there are %d channels; at most %d can be mixed. Write the file again with 1 channel.", f.channels, maxWAVChannels)
	case f.rate < minWAVRate || f.rate > maxWAVRate:
		return f, wavError(WAVBadRate, "The WAV header says that the sample rate is %d Hz. Send %d to %d Hz.", f.rate, minWAVRate, maxWAVRate)
	case f.float && f.bits != 32 && f.bits != 64,
		!f.float && f.bits != 8 && f.bits != 16 && f.bits != 24 && f.bits != 32:
		return f, wavError(WAVUnsupported, "The WAV file has samples of %d bits; 8, 16, 24 and 32 bits are read, and 32 or 64 as float. %s", f.bits, convertAdvice)
	case align != f.block():
		return f, wavError(WAVBadFormat, "The WAV header contradicts itself: %d channels of %d bits need %d bytes, and it says %d. Write the file again.", f.channels, f.bits, f.block(), align)
	}
	return f, nil
}

// knownChunk reports whether id names a chunk that writers put behind the
// audio. It tells audio from chunks where a header's lengths can't.
func knownChunk(id string) bool {
	switch id {
	case "LIST", "id3 ", "ID3 ", "cue ", "smpl", "inst", "fact", "bext", "iXML", "PEAK", "JUNK", "junk", "PAD ", "DISP", "afsp", "_PMX", "data":
		return true
	}
	return false
}
