package audio

import (
	"encoding/binary"
	"math"
)

// HeaderBytes is the length of the WAV header that sori writes.
const HeaderBytes = 44

// UnknownLength stands for the number of data bytes in the header of a stream
// whose end isn't known yet.
const UnknownLength = -1

// WAVHeader is the header of a WAV file of signed 16-bit samples: rate in Hz,
// and dataBytes of audio behind it, or UnknownLength (0xFFFFFFFF in the file).
// Audio that the format can't count, 4 GiB and more, is of unknown length too.
func WAVHeader(rate, channels, dataBytes int) [HeaderBytes]byte {
	data, riff := uint32(math.MaxUint32), uint32(math.MaxUint32)
	if dataBytes >= 0 && int64(dataBytes) < math.MaxUint32-HeaderBytes {
		data = uint32(dataBytes)
		riff = data + data%2 + HeaderBytes - 8
	}
	block := channels * BytesPerSample

	var h [HeaderBytes]byte
	le := binary.LittleEndian
	copy(h[0:], "RIFF")
	le.PutUint32(h[4:], riff)
	copy(h[8:], "WAVEfmt ")
	le.PutUint32(h[16:], fmtBytes)
	le.PutUint16(h[20:], formatPCM)
	le.PutUint16(h[22:], uint16(channels))
	le.PutUint32(h[24:], uint32(rate))
	le.PutUint32(h[28:], uint32(rate*block))
	le.PutUint16(h[32:], uint16(block))
	le.PutUint16(h[34:], 8*BytesPerSample)
	copy(h[36:], "data")
	le.PutUint32(h[40:], data)
	return h
}

// AppendHeader appends [WAVHeader] to dst.
func AppendHeader(dst []byte, rate, channels, dataBytes int) []byte {
	h := WAVHeader(rate, channels, dataBytes)
	return append(dst, h[:]...)
}
