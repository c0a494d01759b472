package dialect

import (
	"encoding/binary"
	"slices"

	"sori/audio"
	"sori/realtime"
)

// maxKept bounds the audio that is kept of a conversation's items, in bytes. Over
// it the audio of the oldest items goes. It is one and a half minutes of 16-bit
// sound at 24,000 Hz.
const maxKept = 4 << 20

// maxGiven bounds the audio of one part as it is given back, in bytes: eight
// minutes of G.711 would be fifty megabytes at 48,000 Hz.
const maxGiven = 2 * maxKept

// kept is the audio of a part of an item.
type kept struct {
	part   int // of the item's content
	format realtime.Format
	data   []byte
}

// keep adds to the audio of a part.
func (c *conversation) keep(e *entry, part int, format realtime.Format, data []byte) {
	if e.gone || len(data) == 0 {
		return
	}
	at := slices.IndexFunc(e.sounds, func(k kept) bool { return k.part == part })
	if at < 0 {
		e.sounds = append(e.sounds, kept{part: part, format: format})
		at = len(e.sounds) - 1
	}
	k := &e.sounds[at]
	if len(k.data)+len(data) > maxKept { // it would push out everything, and itself
		c.mute(e)
		return
	}
	k.data = append(k.data, data...)
	c.bytes += len(data)
	for i := 0; c.bytes > maxKept && i < len(c.items); i++ {
		c.mute(c.items[i])
	}
}

// mute forgets the audio of an item. Of one that is still being made no more is
// kept: it would lack its beginning.
func (c *conversation) mute(e *entry) {
	for _, k := range e.sounds {
		c.bytes -= len(k.data)
	}
	if e.sounds = nil; e.item.Status == realtime.InProgress {
		e.gone = true
	}
}

// cutSound leaves of a reply's audio what was heard.
func (c *conversation) cutSound(e *entry, ms int64) {
	for i := range e.sounds {
		k := &e.sounds[i]
		n := min(bytesOf(k.format, ms), len(k.data))
		c.bytes -= len(k.data) - n
		k.data = slices.Clone(k.data[:n])
	}
}

// bytesOf is how much audio of a format lasts so many ms.
func bytesOf(f realtime.Format, ms int64) int {
	n := int(ms * int64(f.Hz()) / 1000)
	if f.Type == realtime.PCM {
		n *= audio.BytesPerSample
	}
	return n
}

// msOf is how many ms n bytes of a format last.
func msOf(f realtime.Format, n int) int64 {
	if f.Type == realtime.PCM {
		n /= audio.BytesPerSample
	}
	return int64(n) * 1000 / int64(f.Hz())
}

// whole is an item with its audio, in the session's formats.
func (t *Talk) whole(e *entry) realtime.Item {
	item := e.item
	item.Content = slices.Clone(item.Content)
	to := t.config.Audio.Input.Format
	if item.Role == realtime.RoleAssistant {
		to = t.config.Audio.Output.Format
	}
	if to.Type == realtime.Opus {
		to = realtime.Format{Type: realtime.PCM, Rate: realtime.DefaultRate}
	}
	for _, k := range e.sounds {
		if k.part < len(item.Content) && bytesOf(to, msOf(k.format, len(k.data))) <= maxGiven {
			item.Content[k.part].Audio = converted(k.data, k.format, to)
		}
	}
	return item
}

// converted brings audio to another format. It shares memory with data where
// they are the same.
func converted(data []byte, from, to realtime.Format) []byte {
	if from == to {
		return data
	}
	pcm := data
	if from.Type != realtime.PCM {
		pcm = expanded(from, data)
	}
	if from.Hz() != to.Hz() {
		shape, err := audio.NewResampler(from.Hz(), to.Hz())
		if err != nil { // the session would not have taken the format
			return nil
		}
		pcm = shape.Flush(shape.Append(nil, pcm))
	}
	if to.Type == realtime.PCM {
		return pcm
	}
	return spoken(to, slices.Clone(pcm))
}

// samplesOf gives samples as bytes.
func samplesOf(samples []int16) []byte {
	pcm := make([]byte, 0, audio.BytesPerSample*len(samples))
	for _, s := range samples {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(s)) //nolint:gosec // the bits of a sample
	}
	return pcm
}

// keepGiven keeps the audio of an item that a client made.
func (t *Talk) keepGiven(e *entry, content []realtime.Content) {
	format := t.wanted.Audio.Input.Format
	if e.item.Role == realtime.RoleAssistant {
		format = t.wanted.Audio.Output.Format
	}
	if format.Type == realtime.Opus { // packets that nobody has cut
		return
	}
	for i, c := range content {
		data := c.Audio
		if format.Type == realtime.PCM {
			data = data[:len(data)&^1]
		}
		t.items.keep(e, i, format, data)
	}
}
