package redisstore

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
)

// recordKeys are the keys of one kind of records, all in one hash slot: the
// start of every record's key, and the index of their ids by their end.
func (s *Store) recordKeys(kind string) (start, index string) {
	tag := s.names.Shared("{r:" + url.QueryEscape(kind) + "}:")
	return tag + "record:", tag + "ids"
}

// putRecord keeps a record and its place in the index, and forgets the places of
// those whose time is over.
//
// KEYS record, index; ARGV id, record, end in ms since 1970 ("+inf": never), now.
const putRecord = `
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[3] == '+inf' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
end
return 1`

// PutRecord keeps a record under its kind and id, in the place of an earlier
// one, until expires; zero: for good.
func (s *Store) PutRecord(ctx context.Context, kind, id string, record []byte, expires time.Time) error {
	return s.do(ctx, "put record", func(ctx context.Context) error {
		start, index := s.recordKeys(kind)
		var end any = "+inf"
		if !expires.IsZero() {
			end = max(expires.UnixMilli(), 1)
		}
		return redis.NewScript(putRecord).Run(ctx, s.client, []string{start + id, index}, id, record, end, time.Now().UnixMilli()).Err()
	})
}

// Record gives a record; ok is false where there is none, or none any more.
func (s *Store) Record(ctx context.Context, kind, id string) (record []byte, ok bool, err error) {
	err = s.do(ctx, "record", func(ctx context.Context) error {
		start, _ := s.recordKeys(kind)
		var e error
		record, e = s.client.Get(ctx, start+id).Bytes()
		if errors.Is(e, redis.Nil) {
			return nil
		}
		ok = e == nil
		return e
	})
	return record, ok, err
}

// Records gives all records of a kind by their ids.
func (s *Store) Records(ctx context.Context, kind string) (all map[string][]byte, err error) {
	err = s.do(ctx, "records", func(ctx context.Context) error {
		start, index := s.recordKeys(kind)
		ids, e := s.client.ZRange(ctx, index, 0, -1).Result()
		if e != nil {
			return e
		}
		all = make(map[string][]byte, len(ids))
		keys := make([]string, len(ids))
		for i, id := range ids {
			keys[i] = start + id
		}
		if len(keys) == 0 {
			return nil
		}
		values, e := s.client.MGet(ctx, keys...).Result()
		for i, value := range values {
			if text, ok := value.(string); ok {
				all[ids[i]] = []byte(text)
			}
		}
		return e
	})
	return all, err
}

// DeleteRecord removes a record. That there is none is no error.
func (s *Store) DeleteRecord(ctx context.Context, kind, id string) error {
	return s.do(ctx, "delete record", func(ctx context.Context) error {
		start, index := s.recordKeys(kind)
		_, err := s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, start+id)
			p.ZRem(ctx, index, id)
			return nil
		})
		return err
	})
}
