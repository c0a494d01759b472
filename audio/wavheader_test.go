package audio_test

import (
	"bytes"
	"testing"

	"sori/audio"
)

func TestWAVHeaderByteForByte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate, channels, data int
		want                 string
	}{
		{16000, 1, 32000, "RIFF\x24\x7d\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x00\x7d\x00\x00"},
		{48000, 2, 0, "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x80\xbb\x00\x00\x00\xee\x02\x00\x04\x00\x10\x00data\x00\x00\x00\x00"},
		{16000, 1, audio.UnknownLength, "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\xff\xff\xff\xff"},
		{16000, 1, 1 << 33, "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\xff\xff\xff\xff"},
	} {
		h := audio.WAVHeader(c.rate, c.channels, c.data)
		if string(h[:]) != c.want {
			t.Errorf("%d Hz, %d channels, %d bytes:\n got %q\nwant %q", c.rate, c.channels, c.data, h, c.want)
		}
		if got := audio.AppendHeader([]byte("x"), c.rate, c.channels, c.data); !bytes.Equal(got[1:], h[:]) {
			t.Error("AppendHeader writes another header")
		}
	}
}
