package dialect

import (
	"context"
	"encoding/binary"

	"sori/audio"
	"sori/protocol"
	"sori/realtime"
	"sori/session"
)

// maxPiece is how much of an append becomes one input of the session, in bytes:
// a session looks at other things in between.
const maxPiece = 16 << 10

// sound is the form of the client's audio.
type sound struct {
	input realtime.Format
	half  []byte // half a sample, which the next append completes
}

func (s *sound) tune(a realtime.Audio) {
	if a.Input.Format != s.input {
		s.input, s.half = a.Input.Format, nil
	}
}

func inputFormat(f realtime.Format) protocol.Format {
	if f.Type == realtime.Opus {
		return protocol.Format{Encoding: protocol.EncodingOpus, Rate: protocol.DefaultRate}
	}
	return protocol.Format{Encoding: protocol.EncodingPCM, Rate: f.Hz()}
}

func outputFormat(f realtime.Format) protocol.Format {
	return protocol.Format{Encoding: protocol.EncodingPCM, Rate: f.Hz()}
}

// listen gives the client's audio to the session. How it is cut into appends
// leaves no trace. in is the frame whose memory data is in, nil where that is
// nobody's to give; gave says that the session has it now.
func (t *Talk) listen(ctx context.Context, data []byte, in *audio.Frame) (gave bool) {
	s := &t.sound
	switch s.input.Type {
	case realtime.Opus:
		f := audio.NewFrame(len(data))
		copy(f.Data, data)
		t.push(ctx, session.Input{Audio: f})
		return false
	case realtime.PCMU, realtime.PCMA:
		expand := audio.MuLaw
		if s.input.Type == realtime.PCMA {
			expand = audio.ALaw
		}
		for len(data) > 0 {
			n := min(len(data), maxPiece/2)
			f := audio.NewFrame(2 * n)
			for i, b := range data[:n] {
				binary.LittleEndian.PutUint16(f.Data[2*i:], uint16(expand(b)))
			}
			data = data[n:]
			t.push(ctx, session.Input{Audio: f})
		}
		return false
	}
	if len(s.half) > 0 && len(data) > 0 {
		f := audio.NewFrame(2)
		f.Data[0], f.Data[1] = s.half[0], data[0]
		s.half, data = s.half[:0], data[1:]
		t.push(ctx, session.Input{Audio: f})
	}
	if len(data)%2 != 0 {
		s.half = append(s.half[:0], data[len(data)-1])
		data = data[:len(data)-1]
	}
	if in != nil && len(data) > 0 && len(data) <= maxPiece {
		in.Data = data
		t.push(ctx, session.Input{Audio: in})
		return true
	}
	for len(data) > 0 {
		n := min(len(data), maxPiece)
		f := audio.NewFrame(n)
		copy(f.Data, data)
		data = data[n:]
		t.push(ctx, session.Input{Audio: f})
	}
	return false
}

// spoken gives a reply's audio in the client's format; for PCM it is the same
// memory.
func spoken(f realtime.Format, pcm []byte) []byte {
	if f.Type == realtime.PCM {
		return pcm
	}
	compress := audio.ToMuLaw
	if f.Type == realtime.PCMA {
		compress = audio.ToALaw
	}
	out := pcm[:len(pcm)/2] // a sample is read before its place is written
	for i := range out {
		out[i] = compress(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
	}
	return out
}
