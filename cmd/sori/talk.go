package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sori/audio"
	"sori/client"
	"sori/protocol"
)

const (
	dialTimeout = 10 * time.Second
	maxTalkFile = 512 << 20 // bytes of a WAV file
)

// talkCmd is `sori talk`.
type talkCmd struct {
	Files        []string      `arg:"" optional:"" name:"FILE.wav" help:"What to say: WAV files of any usual format, one turn each; - reads one from standard input."`
	Text         []string      `sep:"none" placeholder:"TEXT" help:"Type this turn instead of speaking it. May be given several times; typed turns come after the files."`
	URL          string        `default:"ws://127.0.0.1:5000/ws" env-only:"" placeholder:"URL" help:"The server."`
	User         string        `placeholder:"ID" help:"Who speaks: turns are kept in this user's history. Default: the server's default user."`
	Out          string        `short:"o" placeholder:"FILE" help:"Save the spoken reply as a WAV file. With several turns the second reply goes to FILE-2.wav, and so on."`
	JSON         bool          `name:"json" help:"Print the events as they come, one JSON object a line, and nothing else; the last line is the turn's end with its record."`
	Fast         bool          `help:"Send the audio as fast as the connection takes it and ask for the reply as fast as it is made, not in real time."`
	Language     string        `placeholder:"TAG" help:"The language that is spoken, such as en or ko. Default: the server's."`
	Voice        string        `placeholder:"NAME" help:"The voice of the reply. Default: the engine's."`
	Instructions string        `placeholder:"TEXT" help:"How the reply should be, for engines that follow instructions."`
	Rate         int           `placeholder:"HZ" help:"The rate of the reply's audio, 8000 to 48000. Default: the server's, 16000."`
	Converse     string        `placeholder:"SCRIPT.yaml" help:"Hold a hands-free conversation as the script says: a list of what to say, when, and what is to happen. The microphone is open all the time, so it can interrupt."`
	Timeout      time.Duration `default:"60s" placeholder:"TIME" help:"How long to wait for the end of a turn after the end of what was said."`
}

// Help goes on from the command's one line.
func (*talkCmd) Help() string {
	return `Connects as any client would, sends each file in real time (or --fast), says that the utterance has ended, and prints each event with its time in seconds since the start. ` +
		`At the end it tells how long the reply let wait: from the end of speech to the first audio.

Examples:

  sori talk hello.wav
  sori talk hello.wav --out reply.wav --voice rms
  sori talk --text "what time is it?" --user 7
  sori talk first.wav second.wav --json | tail -1 | jq .record
  sori talk --converse barge-in.yaml

A script for --converse:

  mode: server_vad                 # or semantic, with eagerness: low, medium or high
  steps:
    - say: question.wav            # beside the script; spoken in real time
    - wait: audio.begin            # the next event of this type
    - pause: 800ms
    - say: stop.wav                # over the reply
    - wait: turn.cancelled
      where: {reason: interrupted} # fields that the event must have
      not: turn.done               # what must not come before it
      timeout: 10s
    - text: and now typed          # also: commit: true, cancel: true
    - wait: turn.done

It exits with 0 when every turn was done, with 1 when one failed, was refused or cancelled, or the connection did not hold, and with 2 when the command line or a file is wrong.`
}

// Run says the turns one after the other.
func (t *talkCmd) Run(ctx context.Context, c *console) error {
	if t.URL == "ws://127.0.0.1:5000/ws" && c.getenv(envName("url")) != "" {
		t.URL = c.getenv(envName("url"))
	}
	if t.Converse != "" {
		return t.converse(ctx, c, newTalkPrinter(c, t.JSON))
	}
	turns, err := t.turns(c)
	if err != nil {
		return err
	}
	show := newTalkPrinter(c, t.JSON)
	dialing, stop := context.WithTimeout(ctx, dialTimeout)
	conn, err := client.Dial(dialing, t.URL, dialOptions(c))
	stop()
	if err != nil {
		return err
	}
	defer conn.CloseNow()

	good, rate := true, 0
	for i, turn := range turns {
		if err := t.configure(ctx, conn, show, turn, &rate, i == 0); err != nil {
			return err
		}
		ok, err := t.say(ctx, conn, show, i, turn)
		if err != nil {
			return err
		}
		good = good && ok
	}
	_ = conn.Close() // everything was heard
	if !good {
		return errSaid
	}
	return nil
}

// spoken is a turn and what to call it.
type spoken struct {
	client.Turn
	name string
}

// turns reads everything that is to be said, so that a wrong file is known
// before anything is sent.
func (t *talkCmd) turns(c *console) ([]spoken, error) {
	var turns []spoken
	for _, name := range t.Files {
		pcm, err := readSpeech(c.in, name)
		if err != nil {
			return nil, err
		}
		turns = append(turns, spoken{name: name, Turn: client.Turn{PCM: pcm.Data, Rate: pcm.Rate, Fast: t.Fast}})
	}
	for _, text := range t.Text {
		if strings.TrimSpace(text) == "" {
			return nil, &usageError{"--text has no text in it"}
		}
		turns = append(turns, spoken{name: text, Turn: client.Turn{Text: text}})
	}
	switch {
	case len(turns) == 0:
		return nil, &usageError{"there is nothing to say: name a WAV file, as in `sori talk hello.wav`, or give --text"}
	case t.Rate != 0 && (t.Rate < protocol.MinRate || t.Rate > protocol.MaxRate):
		return nil, &usageError{fmt.Sprintf("--rate %d is out of range: it goes from %d to %d Hz", t.Rate, protocol.MinRate, protocol.MaxRate)}
	case t.Timeout <= 0:
		return nil, &usageError{"--timeout has to be more than 0, such as 60s"}
	}
	return turns, nil
}

// readSpeech reads a WAV file at a rate that a server takes.
func readSpeech(stdin io.Reader, name string) (*audio.PCM, error) {
	r := stdin
	if name == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, &usageError{fmt.Sprintf("the file can't be read: %v", err)}
		}
		defer f.Close()
		r = f
	}
	pcm, err := audio.ReadWAV(r, maxTalkFile)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("%s can't be spoken: %v", name, err)}
	}
	if pcm.Rate >= protocol.MinRate && pcm.Rate <= protocol.MaxRate {
		return pcm, nil
	}
	rs, err := audio.NewResampler(pcm.Rate, audio.Rate)
	if err != nil {
		return nil, fmt.Errorf("%s can't be brought to %d Hz: %w", name, audio.Rate, err)
	}
	pcm.Data = rs.Flush(rs.Append(nil, pcm.Data))
	pcm.Rate = audio.Rate
	return pcm, nil
}

// configure tells the server about the session, once, and about the rate of
// what is said, each time it changes.
func (t *talkCmd) configure(ctx context.Context, conn *client.Conn, show talkPrinter, turn spoken, rate *int, first bool) error {
	var m protocol.Configure
	if first {
		set := func(p **string, v string) {
			if v != "" {
				*p = &v
			}
		}
		set(&m.User, t.User)
		set(&m.Language, t.Language)
		set(&m.Voice, t.Voice)
		set(&m.Instructions, t.Instructions)
		if t.Fast {
			m.PaceMS = new(int) // the reply comes at once as well
		}
		if t.Rate != 0 {
			m.Output = &protocol.Format{Encoding: protocol.EncodingPCM, Rate: t.Rate}
		}
	}
	if turn.Rate != 0 && turn.Rate != *rate {
		m.Input = &protocol.Format{Encoding: protocol.EncodingPCM, Rate: turn.Rate}
		*rate = turn.Rate
	} else if !first {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	_, err := conn.Configure(ctx, m, show.event)
	return t.explain(err, dialTimeout)
}

// say says one turn, waits for its end and tells how it went.
func (t *talkCmd) say(ctx context.Context, conn *client.Conn, show talkPrinter, n int, turn spoken) (ok bool, err error) {
	show.begin(n, turn)
	limit := t.Timeout
	if !turn.Fast {
		limit += audio.Duration(len(turn.PCM), max(turn.Rate, 1))
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	a, err := conn.Ask(ctx, turn.Turn, show.event, show.said)
	file, saveErr := t.save(n, a, show.rate())
	if err != nil {
		return false, errors.Join(t.explain(err, t.Timeout), saveErr)
	}
	show.end(a, file)
	return a.Done(), saveErr
}

// explain says a broken session in a sentence.
func (*talkCmd) explain(err error, limit time.Duration) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the server did not finish within %s", limit)
	case errors.Is(err, context.Canceled):
		return errors.New("stopped before the turn was over")
	}
	return err
}

// save writes the reply, if there is any and it is wanted, and gives the file's
// name.
func (t *talkCmd) save(n int, a *client.Answer, rate int) (string, error) {
	if t.Out == "" || len(a.Audio) == 0 {
		return "", nil
	}
	name := t.Out
	if n > 0 {
		ext := filepath.Ext(name)
		name = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n+1, ext)
	}
	wav := audio.AppendHeader(make([]byte, 0, audio.HeaderBytes+len(a.Audio)), rate, 1, len(a.Audio))
	if err := os.WriteFile(name, append(wav, a.Audio...), 0o644); err != nil { //nolint:gosec // a recording that the user asked for, for the user's programs
		return "", fmt.Errorf("the reply can't be saved: %w", err)
	}
	return name, nil
}
