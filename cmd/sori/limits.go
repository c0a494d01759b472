package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"sori/clients/fallback"
	"sori/quota"
	"sori/server"
)

// limits is how much the server takes on, in all and from each user and key.
type limits struct {
	MaxWaiting    int           `default:"64" placeholder:"N" setting:"" help:"With so many calls waiting for the engines of one stage, new sessions are told to come back later. 0: any number."`
	MaxFirst      time.Duration `default:"15s" placeholder:"TIME" setting:"" help:"With half of the recent calls of one stage waiting so long for the beginning of an answer, new sessions are told to come back later. 0: any time."`
	MaxMemory     byteSize      `placeholder:"SIZE" setting:"" help:"The memory that the server tries to stay under, such as 2GiB; near it new sessions are told to come back later. The engine process beside it does not count. Default: GOMEMLIMIT, if set."`
	MaxPerAddress int           `default:"256" placeholder:"N" setting:"" help:"How many connections one address may have. This machine and trusted proxies may have any number. 0: any number."`

	UserSessions int           `placeholder:"N" setting:"" help:"How many sessions each user may have at once. Default: any number."`
	UserTurns    int           `placeholder:"N" setting:"" help:"How many turns a minute each user may have. Default: any number."`
	UserAudio    time.Duration `placeholder:"TIME" setting:"" help:"How much speech a day, heard and spoken, each user may have, such as 60m. Default: any."`
	UserBytes    byteSize      `placeholder:"SIZE" setting:"" help:"How much of each user's recordings is kept, such as 500MB; beyond it turns go on without recordings. Default: all."`
	KeySessions  int           `placeholder:"N" setting:"" help:"As --user-sessions, for each API key."`
	KeyTurns     int           `placeholder:"N" setting:"" help:"As --user-turns, for each API key."`
	KeyAudio     time.Duration `placeholder:"TIME" setting:"" help:"As --user-audio, for each API key."`
}

// check says what is wrong with the limits.
func (l *limits) check() error {
	for name, negative := range map[string]bool{
		"--max-waiting": l.MaxWaiting < 0, "--max-first": l.MaxFirst < 0, "--max-per-address": l.MaxPerAddress < 0,
		"--user-sessions": l.UserSessions < 0, "--user-turns": l.UserTurns < 0, "--user-audio": l.UserAudio < 0,
		"--key-sessions": l.KeySessions < 0, "--key-turns": l.KeyTurns < 0, "--key-audio": l.KeyAudio < 0,
	} {
		if negative {
			return fmt.Errorf("%s can't be negative", name)
		}
	}
	if l.MaxMemory != 0 && l.MaxMemory < 64<<20 {
		return errors.New("--max-memory is too small: the server needs at least 64MiB")
	}
	return nil
}

// admission is what the server lets in.
func (l *limits) admission() server.Admission {
	if l.MaxMemory > 0 {
		debug.SetMemoryLimit(int64(l.MaxMemory))
	}
	never := func(n int) int {
		if n == 0 {
			return -1
		}
		return n
	}
	first := l.MaxFirst
	if first == 0 {
		first = -1
	}
	return server.Admission{MaxWaiting: never(l.MaxWaiting), MaxFirst: first, MaxMemory: int64(l.MaxMemory), MaxPerAddress: never(l.MaxPerAddress)}
}

// quotas are what users and keys may use.
func (l *limits) quotas() quota.Options {
	return quota.Options{
		User: quota.Limits{Sessions: l.UserSessions, Turns: l.UserTurns, Audio: l.UserAudio, Bytes: int64(l.UserBytes)},
		Key:  quota.Limits{Sessions: l.KeySessions, Turns: l.KeyTurns, Audio: l.KeyAudio},
	}
}

// loadOf gives how much a stage has to do, as the server asks for it.
func loadOf(load func() fallback.Load) func() server.Load {
	return func() server.Load {
		l := load()
		return server.Load{Waiting: l.Waiting, First: l.First, Engines: l.Engines, Resting: l.Resting, Serves: l.Serves}
	}
}

// byteSize is an amount of bytes that people write as 2GiB or 500MB.
type byteSize int64

// UnmarshalText reads an amount.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	number := strings.TrimRight(s, "BbiKkMmGgTt ")
	unit := strings.ToLower(strings.TrimSpace(s[len(number):]))
	by, known := map[string]float64{
		"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
		"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[unit]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n >= 0 && n*by < 1<<62) {
		return fmt.Errorf("%q is no amount such as 500MB, 2GiB or 1000000", s)
	}
	*b = byteSize(n * by)
	return nil
}
