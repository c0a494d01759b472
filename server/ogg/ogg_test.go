package ogg_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sori/server/ogg"
	"sori/server/ogg/oggtest"
)

func readOgg(r io.Reader) (packets [][]byte, err error) {
	o := ogg.NewReader(r)
	for {
		p, err := o.Next()
		if err != nil {
			return packets, err
		}
		packets = append(packets, bytes.Clone(p))
	}
}

func TestOggPackets(t *testing.T) {
	t.Parallel()
	want := [][]byte{{1}, bytes.Repeat([]byte{2}, 254), bytes.Repeat([]byte{3}, 255), bytes.Repeat([]byte{4}, 256), bytes.Repeat([]byte{5}, 7000), {6}}
	for _, perPage := range []int{1, 2, 3, 50, 255} {
		file := oggtest.Pages(7, perPage, append([][]byte{oggtest.Head(), append(oggtest.Tags(), make([]byte, 100_000)...)}, want...)...)
		got, err := readOgg(iotest.OneByteReader(bytes.NewReader(file)))
		if !errors.Is(err, io.EOF) || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%d segments a page: %d packets, %v", perPage, len(got), err)
		}
	}
}

func TestOggOfTwoStreams(t *testing.T) {
	t.Parallel()
	a := oggtest.Pages(1, 1, oggtest.Head(), oggtest.Tags(), []byte{1}, []byte{2})
	other := oggtest.Pages(2, 1, []byte("video"), []byte("more"))
	firstPage := 27 + 1 + len(oggtest.Head())
	file := slices.Concat(a[:firstPage], other, a[firstPage:])
	if got, err := readOgg(bytes.NewReader(file)); !errors.Is(err, io.EOF) || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBadOgg(t *testing.T) {
	t.Parallel()
	good := oggtest.Pages(1, 50, oggtest.Head(), oggtest.Tags(), []byte{1, 2, 3})
	stereo4 := oggtest.Head()
	stereo4[18] = 1
	newer := oggtest.Head()
	newer[8] = 0x10
	for name, file := range map[string][]byte{
		"empty":       nil,
		"text":        []byte(strings.Repeat("hello ", 20)),
		"no head":     oggtest.Pages(1, 50, []byte("vorbis")),
		"no tags":     oggtest.Pages(1, 50, oggtest.Head(), []byte("music")),
		"channels":    oggtest.Pages(1, 50, stereo4, oggtest.Tags()),
		"version":     oggtest.Pages(1, 50, newer, oggtest.Tags()),
		"huge packet": oggtest.Pages(1, 255, oggtest.Head(), oggtest.Tags(), make([]byte, ogg.MaxPacket+1)),
		"cut":         good[:len(good)-1],
		"cut head":    good[:10],
	} {
		if _, err := readOgg(bytes.NewReader(file)); !errors.Is(err, ogg.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readOgg(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) || errors.Is(err, ogg.ErrFormat) {
		t.Errorf("a broken reader: %v", err)
	}
}

func FuzzOgg(f *testing.F) {
	f.Add(oggtest.Speech(f, "../../audio/testdata/opus/silk20.packets"))
	f.Add(oggtest.Pages(1, 1, oggtest.Head(), oggtest.Tags(), make([]byte, 600)))
	f.Add([]byte("OggS"))
	f.Fuzz(func(t *testing.T, file []byte) {
		packets, err := readOgg(bytes.NewReader(file))
		if !errors.Is(err, io.EOF) && !errors.Is(err, ogg.ErrFormat) {
			t.Fatal(err)
		}
		total := 0
		for _, p := range packets {
			total += len(p)
		}
		if total > len(file) {
			t.Fatalf("%d bytes of packets in a file of %d", total, len(file))
		}
	})
}
