// Package ogg takes the packets of Opus audio out of an Ogg file as it comes in
// (RFC 3533, RFC 7845).
package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxPacket is the largest Opus packet that is accepted, in bytes: 120 ms at
// 510 kbit/s are 7,650.
const MaxPacket = 16 << 10

// ErrFormat is wrapped by every error about an Ogg file that can't be used.
var ErrFormat = errors.New("ogg: not an Ogg file with Opus in it")

// Reader gives the packets of the first stream of an Ogg file. One goroutine owns
// it.
type Reader struct {
	r       io.Reader
	serial  uint32
	begun   bool
	lacing  []byte // of the page being read, what is left of it
	segment [255]byte
	packet  []byte
	headers int // header packets that came
	ended   bool
}

// pageHead is the length of a page's header without its segment table.
const pageHead = 27

// NewReader gives a reader of a file. It reads nothing before Next, and never
// more than it needs.
func NewReader(r io.Reader) *Reader { return &Reader{r: r} }

// Next gives the next packet of audio. It is valid until the next call. The
// error is [io.EOF] at the end, wraps [ErrFormat], or is the file's own.
func (o *Reader) Next() ([]byte, error) {
	for {
		p, err := o.nextPacket()
		if err != nil {
			return nil, err
		}
		switch o.headers++; {
		case o.headers == 1:
			if err := checkOpusHead(p); err != nil {
				return nil, err
			}
		case o.headers == 2:
			if !bytes.HasPrefix(p, []byte("OpusTags")) {
				return nil, fmt.Errorf("%w: the second packet is no OpusTags", ErrFormat)
			}
		case len(p) > 0:
			return p, nil
		}
	}
}

func checkOpusHead(p []byte) error {
	switch {
	case len(p) < 19 || !bytes.HasPrefix(p, []byte("OpusHead")):
		return fmt.Errorf("%w: it does not begin with OpusHead", ErrFormat)
	case p[8]>>4 != 0:
		return fmt.Errorf("%w: version %d of its header is unknown", ErrFormat, p[8])
	case p[18] != 0:
		return fmt.Errorf("%w: it has more channels than two", ErrFormat)
	}
	return nil
}

// nextPacket puts the next packet together from the segments of its pages.
func (o *Reader) nextPacket() ([]byte, error) {
	o.packet = o.packet[:0]
	for {
		for len(o.lacing) == 0 {
			if o.ended {
				return nil, io.EOF
			}
			if err := o.nextPage(); err != nil {
				return nil, err
			}
		}
		n := int(o.lacing[0])
		o.lacing = o.lacing[1:]
		at := len(o.packet)
		if at+n > MaxPacket && o.headers != 1 { // tags may hold a picture
			return nil, fmt.Errorf("%w: a packet has more than %d bytes", ErrFormat, MaxPacket)
		}
		if at+n > MaxPacket {
			if _, err := io.CopyN(io.Discard, o.r, int64(n)); err != nil {
				return nil, cutOff(err)
			}
		} else {
			o.packet = append(o.packet, o.segment[:n]...)
			if _, err := io.ReadFull(o.r, o.packet[at:]); err != nil {
				return nil, cutOff(err)
			}
		}
		if n < 255 {
			return o.packet, nil
		}
	}
}

// nextPage reads a page's header. Pages of other streams are skipped.
func (o *Reader) nextPage() error {
	var head [pageHead]byte
	if _, err := io.ReadFull(o.r, head[:]); err != nil {
		if errors.Is(err, io.EOF) && o.begun && !errors.Is(err, io.ErrUnexpectedEOF) {
			return io.EOF // a stream whose writer did not mark the end
		}
		return cutOff(err)
	}
	if !bytes.HasPrefix(head[:], []byte("OggS")) || head[4] != 0 {
		return fmt.Errorf("%w: a page does not begin with OggS", ErrFormat)
	}
	table := o.segment[:head[26]]
	if _, err := io.ReadFull(o.r, table); err != nil {
		return cutOff(err)
	}
	serial := binary.LittleEndian.Uint32(head[14:])
	if !o.begun {
		o.begun, o.serial = true, serial
	}
	if serial != o.serial {
		size := int64(0)
		for _, n := range table {
			size += int64(n)
		}
		_, err := io.CopyN(io.Discard, o.r, size)
		return cutOff(err)
	}
	o.lacing = append([]byte(nil), table...)
	o.ended = head[5]&4 != 0
	return nil
}

// cutOff makes an end in the middle of the file an error of the file.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in the middle", ErrFormat)
	}
	return err
}
