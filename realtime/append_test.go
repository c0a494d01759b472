package realtime_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"sori/realtime"
)

// plainAppend is an append of so many bytes.
func plainAppend(n int) []byte {
	pcm := make([]byte, n)
	for i := range pcm {
		pcm[i] = byte(i * 7)
	}
	return []byte(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(pcm) + `"}`)
}

// FuzzScanAppend holds the scanner to what encoding/json makes of a frame.
func FuzzScanAppend(f *testing.F) {
	f.Add(plainAppend(10))
	f.Add([]byte(`{"event_id":"e1","type":"input_audio_buffer.append","audio":"AAAA"}`))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"AA=="} x`))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"A\u0041=="}`))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"*"}`))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"AB=C"}`))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"abcdefghijklmnopqrst*vwx"}`))
	f.Add([]byte("{\"type\":\"input_audio_buffer.append\",\"audio\":\"abcdefgh\r\nij\"}"))
	f.Add([]byte(`{"type":"input_audio_buffer.append","audio":"","audio":"AAAA"}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		was := bytes.Clone(frame)
		audio, id, ok := realtime.ScanAppend(frame)
		if !ok {
			if !bytes.Equal(frame, was) {
				t.Fatalf("%q was changed to %q", was, frame)
			}
			return
		}
		var e struct {
			Type    string  `json:"type"`
			EventID string  `json:"event_id"`
			Audio   *string `json:"audio"`
		}
		if err := json.Unmarshal(was, &e); err != nil || e.Audio == nil || e.Type != realtime.TypeAppend {
			t.Fatalf("%q was taken; encoding/json says %v, %+v", was, err, e)
		}
		want, err := base64.StdEncoding.DecodeString(*e.Audio)
		if err != nil || !bytes.Equal(want, audio) || e.EventID != string(id) {
			t.Fatalf("%q: %q and %q, want %q and %q (%v)", was, audio, id, want, e.EventID, err)
		}
	})
}

// What turns out to be no base64 only after most of it was decoded is put back,
// for a parser to say what is wrong with it.
func TestAnAppendThatBreaksLaterIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	whole := plainAppend(96)
	first := bytes.LastIndexByte(whole, ':') + 2
	for i := first; i < len(whole)-2; i++ {
		for _, c := range []byte("*=\n\r\x00\x80-") {
			frame := bytes.Clone(whole)
			frame[i] = c
			was := bytes.Clone(frame)
			if _, _, ok := realtime.ScanAppend(frame); c != '=' && ok {
				t.Errorf("%q at %d was taken", c, i-first)
			} else if !ok && !bytes.Equal(frame, was) {
				t.Errorf("with %q at %d it was changed to %q", c, i-first, frame)
			}
		}
	}
}

// An append comes fifty times a second from every client.
func TestScanAppendAllocatesNothing(t *testing.T) {
	was := plainAppend(960)
	frame := make([]byte, len(was))
	n := testing.AllocsPerRun(100, func() {
		copy(frame, was)
		if _, _, ok := realtime.ScanAppend(frame); !ok {
			t.Error("not understood")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheLargestAppend(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]bool{realtime.MaxAudio: true, realtime.MaxAudio + 1: false} {
		e, _, err := realtime.DecodeClient(plainAppend(size))
		if (err == nil) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
		if !want && (err == nil || err.Code != realtime.CodeInvalidAudio || err.Param != "audio") {
			t.Errorf("%d bytes: %+v", size, err)
		}
		if a, ok := e.(realtime.Append); want && (!ok || len(a.Audio) != size) {
			t.Errorf("%d bytes became %T", size, e)
		}
	}
}

// What an append costs, beside a parser: 20 ms and 1 s of audio.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{960, 48_000} {
		was := plainAppend(n)
		frame := make([]byte, len(was))
		b.Run(fmt.Sprintf("scanned/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(was)))
			b.ReportAllocs()
			for b.Loop() {
				copy(frame, was)
				if _, _, ok := realtime.ScanAppend(frame); !ok {
					b.Fatal("not understood")
				}
			}
		})
		b.Run(fmt.Sprintf("parsed/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(was)))
			b.ReportAllocs()
			for b.Loop() {
				var e struct {
					Type  string `json:"type"`
					Audio []byte `json:"audio"`
				}
				if err := json.Unmarshal(was, &e); err != nil || len(e.Audio) != n {
					b.Fatal(err)
				}
			}
		})
	}
}
