package redisstore

import "github.com/redis/go-redis/v9"

// scripts run inside Redis, each as one step that nothing comes between. All
// keys of one script are in one hash slot.
type scripts struct {
	appendTurn, addUser, markKnown, page, probe *redis.Script
}

// What appendTurn says.
const (
	known  = 1
	fenced = -1
)

func newScripts() scripts {
	return scripts{
		// KEYS turns, ids, known, session; ARGV id, record, limit, fence, session's
		// id, number, whether to write in any case. Gives known where the user is in
		// the index, fenced where the turn's session has another holder, else 0. A
		// turn that is there already was written while its writer might.
		//
		// The list and the set of ids grow and shrink together, so that a turn's
		// rank in the one is its index in the other.
		//
		// A turn without a fence was set aside, and its client was told of its end: it
		// replaces what an heir that did not know of it made of the turn. It goes before the later ones of its
		// session, which another process may have written meanwhile.
		appendTurn: redis.NewScript(`
local rank = redis.call('ZRANK', KEYS[2], ARGV[1])
if rank then
  local old, lost = redis.call('LINDEX', KEYS[1], rank), '"code":"process_lost"'
  local better = ARGV[4] == '0' and string.find(old, lost, 1, true) and not string.find(ARGV[2], lost, 1, true)
  if better or ARGV[7] == '1' then
    redis.call('LSET', KEYS[1], rank, better and ARGV[2] or old)
  end
  return redis.call('EXISTS', KEYS[3])
end
local later = {}
if ARGV[4] ~= '0' then
  local fence = redis.call('HGET', KEYS[4], 'fence')
  if fence and tonumber(fence) > tonumber(ARGV[4]) then
    return -1
  end
elseif ARGV[6] ~= '0' then
  local tail, first = redis.call('LRANGE', KEYS[1], -64, -1), nil
  for i = #tail, 1, -1 do
    local ok, t = pcall(cjson.decode, tail[i])
    if ok and t.session_id == ARGV[5] then
      if tonumber(t.turn or 0) <= tonumber(ARGV[6]) then
        break
      end
      first = i
    end
  end
  for i = first or #tail + 1, #tail do
    later[#later + 1] = tail[i]
  end
end
local last = redis.call('ZRANGE', KEYS[2], -1 - #later, -1 - #later, 'WITHSCORES')
local score = (last[2] or 0) + 1
for i, id in ipairs(#later > 0 and redis.call('ZRANGE', KEYS[2], -#later, -1) or {}) do
  redis.call('RPOP', KEYS[1])
  redis.call('ZADD', KEYS[2], score + i, id)
end
redis.call('ZADD', KEYS[2], score, ARGV[1])
redis.call('RPUSH', KEYS[1], ARGV[2])
for _, record in ipairs(later) do
  redis.call('RPUSH', KEYS[1], record)
end
redis.call('LTRIM', KEYS[1], -ARGV[3], -1)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -ARGV[3] - 1)
return redis.call('EXISTS', KEYS[3])`),

		// KEYS users; ARGV user. Gives 1 where the user is new, else 0. A user
		// that was deleted and comes back is the newest.
		addUser: redis.NewScript(`
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
return redis.call('ZADD', KEYS[1], (last[2] or 0) + 1, ARGV[1])`),

		// KEYS turns, known. A user that was deleted meanwhile isn't known.
		markKnown: redis.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('SET', KEYS[2], 1)
end
return 1`),

		// KEYS turns, ids; ARGV before, n. Gives up to n + 1 records, oldest
		// first, or nil where there is no turn before.
		page: redis.NewScript(`
local stop = -1
if ARGV[1] == '' then
  stop = redis.call('LLEN', KEYS[1]) - 1
else
  local rank = redis.call('ZRANK', KEYS[2], ARGV[1])
  if not rank then
    return false
  end
  stop = rank - 1
end
local n = tonumber(ARGV[2])
if stop < 0 or n <= 0 then
  return {}
end
return redis.call('LRANGE', KEYS[1], math.max(0, stop - n), stop)`),

		// KEYS a key of no use. Redis judges a script that sets by whether it
		// may write now.
		probe: redis.NewScript(`
redis.call('SET', KEYS[1], 1, 'PX', 1000)
return 1`),
	}
}
