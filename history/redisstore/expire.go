package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"sori/history"
)

// expireAtOnce bounds the turns that are read at once.
const expireAtOnce = 200

// expireTurns removes a user's oldest turns up to one, which may be gone already.
//
// KEYS turns, ids; ARGV id of the last one to go. Gives how many went, and how
// many are left.
const expireTurns = `
local rank = redis.call('ZRANK', KEYS[2], ARGV[1])
if not rank then
  return {0, redis.call('LLEN', KEYS[1])}
end
redis.call('LTRIM', KEYS[1], rank + 1, -1)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, rank)
return {rank + 1, redis.call('LLEN', KEYS[1])}`

// ExpireTurns removes the user's turns that ended before a time, the oldest
// first, up to the first one that did not. A user of whom nothing is left is
// removed with them.
func (s *Store) ExpireTurns(ctx context.Context, userID string, before time.Time) (removed int, err error) {
	for more := true; more; {
		err = s.do(ctx, "expire turns", func(ctx context.Context) error {
			var n int
			var e error
			n, more, e = s.expireSome(ctx, userID, before)
			removed += n
			return e
		})
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (s *Store) expireSome(ctx context.Context, userID string, before time.Time) (removed int, more bool, err error) {
	k := s.keys(userID)
	records, err := s.client.LRange(ctx, k.turns, 0, expireAtOnce-1).Result()
	if err != nil {
		return 0, false, err
	}
	last, old := "", 0
	for _, record := range records {
		t, e := history.DecodeTurn([]byte(record))
		if e != nil {
			return 0, false, e // it names no id to trim by; the operator hears of it
		}
		if !t.EndedAt.Before(before) {
			break
		}
		last, old = t.ID, old+1
	}
	if old == 0 {
		return 0, false, nil
	}
	counts, err := redis.NewScript(expireTurns).Run(ctx, s.client, []string{k.turns, k.ids}, last).Int64Slice()
	if err != nil {
		return 0, false, err
	}
	if counts[1] > 0 {
		return int(counts[0]), old == expireAtOnce, nil
	}
	// A turn that comes now enters the user into the index again.
	if err := s.client.Del(ctx, k.known).Err(); err != nil {
		return int(counts[0]), false, err
	}
	err = s.client.ZRem(ctx, s.index(), userID).Err()
	if n, e := s.client.LLen(ctx, k.turns).Result(); e == nil && n > 0 {
		err = errors.Join(err, s.scripts.addUser.Run(ctx, s.client, []string{s.index()}, userID).Err())
	}
	return int(counts[0]), false, err
}
