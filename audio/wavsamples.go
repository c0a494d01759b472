package audio

import (
	"encoding/binary"
	"math"
)

// appendMono appends src, whole blocks of format f, to dst as mono signed
// 16-bit little-endian. Channels are averaged.
func appendMono(dst, src []byte, f wavFormat) []byte {
	if f.plain() {
		return append(dst, src...)
	}
	size, block := f.bits/8, f.block()
	sample := sampleReader(f)
	for ; len(src) >= block; src = src[block:] {
		var sum float64
		for at := 0; at < block; at += size {
			sum += sample(src[at : at+size])
		}
		dst = binary.LittleEndian.AppendUint16(dst, uint16(toInt16(sum/float64(f.channels))))
	}
	return dst
}

// sampleReader gives the function that reads one sample, on the scale of 16 bits.
func sampleReader(f wavFormat) func([]byte) float64 {
	le := binary.LittleEndian
	switch {
	case f.float && f.bits == 64:
		return func(b []byte) float64 { return fromFloat(math.Float64frombits(le.Uint64(b))) }
	case f.float:
		return func(b []byte) float64 { return fromFloat(float64(math.Float32frombits(le.Uint32(b)))) }
	case f.bits == 8: // the one unsigned format
		return func(b []byte) float64 { return (float64(b[0]) - 128) * 256 }
	case f.bits == 24:
		return func(b []byte) float64 {
			return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 16)
		}
	case f.bits == 32:
		return func(b []byte) float64 { return float64(int32(le.Uint32(b))) / (1 << 16) }
	default:
		return func(b []byte) float64 { return float64(int16(le.Uint16(b))) }
	}
}

// fromFloat brings a float sample to the scale of 16 bits. What is no number is
// silence, and what is beyond full scale stays there.
func fromFloat(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-2, min(2, v)) * 32768
}

// toInt16 rounds to the nearest sample and clips.
func toInt16(v float64) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, math.Round(v))))
}
