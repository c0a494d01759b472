// Package oggtest writes Ogg files for tests.
package oggtest

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

// Pages writes packets as an Ogg file, with at most perPage segments a page.
func Pages(serial uint32, perPage int, packets ...[]byte) []byte {
	var file, table, body []byte
	flags := byte(2)
	flush := func(last bool) {
		if last {
			flags |= 4
		}
		head := append([]byte("OggS\x00"), flags)
		head = append(head, make([]byte, 8)...) // granule position
		head = binary.LittleEndian.AppendUint32(head, serial)
		head = append(head, make([]byte, 8)...) // number and checksum
		file = slices.Concat(file, head, []byte{byte(len(table))}, table, body)
		table, body, flags = nil, nil, 0
	}
	for _, p := range packets {
		for {
			if len(table) == perPage {
				flush(false)
			}
			n := min(len(p), 255)
			table, body, p = append(table, byte(n)), append(body, p[:n]...), p[n:]
			if n < 255 {
				break
			}
		}
	}
	flush(true)
	return file
}

// Head is the first packet of an Opus stream.
func Head() []byte { return append([]byte("OpusHead\x01\x01"), make([]byte, 9)...) }

// Tags is the second packet of an Opus stream.
func Tags() []byte { return append([]byte("OpusTags"), make([]byte, 100)...) }

// Speech makes an Opus file of the packets in the file at path, each behind its
// length as two bytes.
func Speech(tb testing.TB, path string) []byte {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	packets := [][]byte{Head(), Tags()}
	for len(data) > 0 {
		n := 2 + int(binary.LittleEndian.Uint16(data))
		packets = append(packets, data[2:n])
		data = data[n:]
	}
	return Pages(7, 50, packets...)
}
