package session

import (
	"context"

	"sori/audio"
)

// waitingInput is an [Input] as it waits: nearly all of them are frames, and a
// session has room for many.
type waitingInput struct {
	audio *audio.Frame
	seq   uint64
	rest  *Input // nil where there is nothing else
}

func wait(in Input) waitingInput {
	w := waitingInput{audio: in.Audio, seq: in.Seq}
	if in.Message != nil || in.Order != nil || in.Problem != nil || in.Presence != 0 || in.Ref != "" {
		rest := in
		w.rest = &rest
	}
	return w
}

func (w waitingInput) input() Input {
	if w.rest != nil {
		return *w.rest
	}
	return Input{Audio: w.audio, Seq: w.seq}
}

// Push is the only way in. It blocks while the inbox is full. It returns
// [ErrEnded] when the session is over, and the context's error when that ends
// first. The session owns in.Audio from here on.
func (s *Session) Push(ctx context.Context, in Input) error {
	select {
	case <-s.done:
		in.Audio.Free()
		return ErrEnded
	default:
	}
	w := wait(in)
	select {
	case s.inbox <- w:
		return nil
	default:
		s.deps.Observer.Blocked()
	}
	select {
	case s.inbox <- w:
		return nil
	case <-s.done:
		in.Audio.Free()
		return ErrEnded
	case <-ctx.Done():
		in.Audio.Free()
		return ctx.Err()
	}
}
