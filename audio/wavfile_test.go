package audio_test

import (
	"encoding/binary"
	"math"
)

// wavFile builds WAV files, sound and broken ones: what is zero is right.
type wavFile struct {
	riff, wave string
	riffSize   int64 // -1 for 0
	noFmt      bool
	fmtSize    uint32
	tag        uint16
	extensible bool
	channels   int // -1 for 0
	rate       int // -1 for 0
	bits       int
	align      int
	before     []byte // whole chunks before fmt
	between    []byte // whole chunks between fmt and data
	noData     bool
	dataSize   int64 // -1 for 0
	data       []byte
	after      []byte // whole chunks behind data
}

func (w wavFile) bytes() []byte {
	le := binary.LittleEndian
	channels, bits := or(w.channels, 1), or(w.bits, 16)
	tag := w.tag
	if tag == 0 {
		tag = 1
	}

	format := make([]byte, 16)
	le.PutUint16(format, tag)
	le.PutUint16(format[2:], uint16(channels))
	le.PutUint32(format[4:], uint32(or(w.rate, 16000)))
	le.PutUint32(format[8:], uint32(or(w.rate, 16000)*channels*bits/8))
	le.PutUint16(format[12:], uint16(or(w.align, channels*bits/8)))
	le.PutUint16(format[14:], uint16(bits))
	if w.extensible {
		le.PutUint16(format, 0xFFFE)
		format = append(format, 22, 0, byte(bits), 0, 0, 0, 0, 0)
		format = le.AppendUint16(format, tag)
		format = append(format, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
	}

	body := []byte(orText(w.wave, "WAVE"))
	body = append(body, w.before...)
	if !w.noFmt {
		body = append(body, "fmt "...)
		size := uint32(len(format))
		if w.fmtSize != 0 {
			size = w.fmtSize
		}
		body = le.AppendUint32(body, size)
		body = append(body, format...)
	}
	body = append(body, w.between...)
	if !w.noData {
		body = append(body, "data"...)
		body = le.AppendUint32(body, uint32(or(w.dataSize, int64(len(w.data)))))
		body = append(body, w.data...)
		if len(w.data)%2 == 1 && len(w.after) > 0 {
			body = append(body, 0)
		}
	}
	body = append(body, w.after...)
	file := []byte(orText(w.riff, "RIFF"))
	file = le.AppendUint32(file, uint32(or(w.riffSize, int64(len(body)))))
	return append(file, body...)
}

func or[T int | int64](v, otherwise T) T {
	switch v {
	case 0:
		return otherwise
	case -1:
		return 0
	}
	return v
}

func orText(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// chunk is a RIFF chunk with its padding.
func chunk(id string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// encodeAs writes 16-bit samples in another sample format of WAV.
func encodeAs(s []int16, bits int, float bool) []byte {
	le := binary.LittleEndian
	var out []byte
	for _, v := range s {
		switch {
		case float && bits == 32:
			out = le.AppendUint32(out, math.Float32bits(float32(v)/32768))
		case float:
			out = le.AppendUint64(out, math.Float64bits(float64(v)/32768))
		case bits == 8:
			out = append(out, byte(v>>8)+128)
		case bits == 24:
			out = append(out, 0, byte(v), byte(v>>8))
		case bits == 32:
			out = append(out, 0, 0, byte(v), byte(v>>8))
		default:
			out = append(out, byte(v), byte(v>>8))
		}
	}
	return out
}

// interleave makes one row of samples out of one for each channel.
func interleave(channels ...[]int16) []int16 {
	var out []int16
	for i := range channels[0] {
		for _, c := range channels {
			out = append(out, c[i])
		}
	}
	return out
}
