package audio

// G.711: speech at 8,000 Hz in a byte for each sample.

const (
	lawBias  = 0x84  // of µ-law
	lawClip  = 32635 // the loudest sample that µ-law can say
	segments = 8
)

// MuLaw gives the sample that a byte of µ-law stands for.
func MuLaw(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3 + lawBias) << (b >> 4 & 7)
	if b&0x80 != 0 {
		return int16(lawBias - v)
	}
	return int16(v - lawBias)
}

// ToMuLaw gives the byte of µ-law that is nearest to a sample.
func ToMuLaw(s int16) byte {
	v, sign := int(s), byte(0)
	if v < 0 {
		v, sign = -v, 0x80
	}
	v = min(v, lawClip) + lawBias
	segment := segmentOf(v >> 7)
	return ^(sign | byte(segment)<<4 | byte(v>>(segment+3)&0x0f))
}

// ALaw gives the sample that a byte of A-law stands for.
func ALaw(b byte) int16 {
	b ^= 0x55
	v, segment := int(b&0x0f)<<4+8, b>>4&7
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		return int16(-v)
	}
	return int16(v)
}

// ToALaw gives the byte of A-law that is nearest to a sample.
func ToALaw(s int16) byte {
	v, sign := int(s), byte(0x80)
	if v < 0 {
		v, sign = -v-1, 0
	}
	segment := 0
	var b byte
	if v>>8 == 0 {
		b = byte(v >> 4 & 0x0f)
	} else {
		segment = segmentOf(v >> 7)
		b = byte(v >> (segment + 3) & 0x0f)
	}
	return (sign | byte(segment)<<4 | b) ^ 0x55
}

// segmentOf is the position of the highest bit of v, 0 for none, at most 7.
func segmentOf(v int) int {
	segment := 0
	for v > 1 && segment < segments-1 {
		v >>= 1
		segment++
	}
	return segment
}
