package audio

import "time"

// Rate is the canonical sample rate in Hz: inside sori every utterance is
// 16,000 Hz, mono, signed 16-bit little-endian.
const Rate = 16000

// BytesPerSample is the size of a sample inside sori.
const BytesPerSample = 2

// Bytes is how many bytes d of audio at rate Hz are: whole samples, rounded
// down, and 0 for a negative d.
func Bytes(d time.Duration, rate int) int {
	if d <= 0 || rate <= 0 {
		return 0
	}
	seconds, rest := d/time.Second, d%time.Second
	samples := int64(seconds)*int64(rate) + int64(rest)*int64(rate)/int64(time.Second)
	return int(samples) * BytesPerSample
}

// Duration is how long n bytes of audio at rate Hz are.
func Duration(n, rate int) time.Duration {
	if n <= 0 || rate <= 0 {
		return 0
	}
	samples := int64(n / BytesPerSample)
	whole, rest := samples/int64(rate), samples%int64(rate)
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate)
}
