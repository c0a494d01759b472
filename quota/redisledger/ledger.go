// Package redisledger keeps the counts of package quota in Redis, where all
// processes see them. An account's keys share a hash slot, and one script does
// an exchange:
//
//	sori:{ACCOUNT}:quota:held    hash    process -> "SESSIONS DEADLINE", in ms
//	sori:{ACCOUNT}:quota:turns   string  turns of the minute; it ends with the minute
//	sori:{ACCOUNT}:quota:audio   string  ms of speech of the day; it ends with the day
//	sori:{ACCOUNT}:quota:bytes   string  bytes that are kept
//
// ACCOUNT is u:USER for a user, whose slot is that of the user's history, and
// k:KEY for a key. Keys that nothing is heard of vanish by themselves.
package redisledger

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sori/quota"
)

// script takes in a report. ARGV: process, sessions, most, TTL in ms, turns,
// audio in ms, bytes, set, and the windows of turns and audio in ms.
const script = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local held = redis.call('HGETALL', KEYS[1])
local elsewhere, before = 0, 0
for i = 1, #held, 2 do
  local n, till = string.match(held[i + 1], '^(%d+) (%d+)$')
  if not till or tonumber(till) <= now then
    redis.call('HDEL', KEYS[1], held[i])
  elseif held[i] == ARGV[1] then
    before = tonumber(n)
  else
    elsewhere = elsewhere + tonumber(n)
  end
end
local sessions, most, refused = tonumber(ARGV[2]), tonumber(ARGV[3]), 0
if most > 0 and sessions > before and sessions + elsewhere > most then
  refused, sessions = 1, before
end
if sessions > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], sessions .. ' ' .. string.format('%.0f', now + ARGV[4]))
  redis.call('PEXPIRE', KEYS[1], ARGV[4] * 2)
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
local function add(key, n, length)
  local total = 0
  if tonumber(n) ~= 0 then
    total = redis.call('INCRBY', key, n)
    if redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, length) end
  else
    total = tonumber(redis.call('GET', key) or '0')
  end
  return total, math.max(0, redis.call('PTTL', key))
end
local turns, turnsEnd = add(KEYS[2], ARGV[5], ARGV[9])
local audio, audioEnd = add(KEYS[3], ARGV[6], ARGV[10])
if ARGV[8] == '1' then redis.call('SET', KEYS[4], '0') end
local bytes = tonumber(redis.call('GET', KEYS[4]) or '0')
if tonumber(ARGV[7]) ~= 0 then bytes = redis.call('INCRBY', KEYS[4], ARGV[7]) end
if bytes <= 0 then
  redis.call('DEL', KEYS[4])
  bytes = 0
end
return {refused, elsewhere, turns, turnsEnd, audio, audioEnd, bytes}
`

// Ledger is a [quota.Ledger].
type Ledger struct {
	client redis.UniversalClient
	script *redis.Script
}

// New gives the ledger that client reaches. The client stays the caller's.
func New(client redis.UniversalClient) *Ledger {
	return &Ledger{client: client, script: redis.NewScript(script)}
}

// Sync takes in a report.
func (l *Ledger) Sync(ctx context.Context, account string, r quota.Report) (quota.Totals, error) {
	kind, name, _ := strings.Cut(account, ":")
	tag := kind[:1] + ":" + url.QueryEscape(name) // as the user's history has it
	keys := make([]string, 0, 4)
	for _, what := range []string{"held", "turns", "audio", "bytes"} {
		keys = append(keys, "sori:{"+tag+"}:quota:"+what)
	}
	set := 0
	if r.Set {
		set = 1
	}
	n, err := l.script.Run(ctx, l.client, keys, r.Process, r.Sessions, r.Most, r.TTL.Milliseconds(),
		r.Turns, r.Audio.Milliseconds(), r.Bytes, set,
		quota.TurnWindow.Milliseconds(), quota.AudioWindow.Milliseconds()).Int64Slice()
	if err != nil {
		return quota.Totals{}, fmt.Errorf("redisledger: count what was used: %w", err)
	}
	if len(n) != 7 {
		return quota.Totals{}, fmt.Errorf("redisledger: the script gave %d numbers, not 7", len(n))
	}
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	return quota.Totals{
		Refused: n[0] == 1, Elsewhere: int(n[1]), Turns: n[2], TurnsEnd: ms(n[3]),
		Audio: ms(n[4]), AudioEnd: ms(n[5]), Bytes: n[6],
	}, nil
}
