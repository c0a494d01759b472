package cluster

import "github.com/redis/go-redis/v9"

// scripts run inside Redis, each as one step that nothing comes between. All
// keys of one script are in one hash slot.
type scripts struct {
	renew, write, take, release, erase *redis.Script
}

// What a script says first.
const (
	saysLost    = -1 // somebody else has the session
	saysUnknown = -2 // Redis does not know it: it is to be entered
	saysNo      = 0  // there is no such session
	saysDone    = 1
	saysAsked   = 2 // done, and another process wants the session
	saysEntered = 3 // done, and Redis knows nothing of the session but this, or has lost its latest state
	saysHeld    = 4 // another process holds it
)

// standing is the start of those scripts that a holder runs: it gives -1 to one
// whose session is another's, and -2 where Redis has an older holder or none,
// as after the loss of what it had acknowledged.
const standing = `
local fence, mine = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0'), tonumber(ARGV[1])
if fence > mine or (fence == mine and redis.call('HGET', KEYS[1], 'holder') ~= ARGV[2]) then
  return -1
end
`

// here gives a name to the Redis that runs the script, which is another one
// after each start and on a replica that was promoted; empty where Redis does not say.
const here = `
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
`

func newScripts() scripts {
	return scripts{
		// KEYS hash, lease, log, sessions; ARGV fence, process, ms of the lease, ms
		// to keep, key, owner, id, now in ms, whether to enter the session into
		// the user's, version of the state that was written last, 0 for none.
		// Where Redis has another version it has lost that: a replica was promoted.
		renew: redis.NewScript(standing + `
local says = 1
if fence < mine then
  redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'holder', ARGV[2], 'key', ARGV[5], 'owner', ARGV[6])
  redis.call('HDEL', KEYS[1], 'ended', 'clean')
  says = 3
elseif redis.call('HEXISTS', KEYS[1], 'asker') == 1 then
  says = 2
elseif ARGV[10] ~= '0' and redis.call('HGET', KEYS[1], 'version') ~= ARGV[10] then
  says = 3
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
if says == 3 or ARGV[9] == '1' then` + here + `
  redis.call('HSET', KEYS[1], 'run', run)
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[8] - ARGV[4])
  redis.call('ZADD', KEYS[4], ARGV[8], ARGV[7])
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
return says`),

		// KEYS hash, log; ARGV fence, process, ms to keep, most messages, most
		// bytes, version of the state or 0 for none, the state, then seq, kind and
		// data of each message. A message that is there already is left out, so that a
		// batch whose answer was lost is written once.
		write: redis.NewScript(standing + `
if fence < mine then
  return -2
end
if ARGV[6] ~= '0' then
  redis.call('HSET', KEYS[1], 'state', ARGV[7], 'version', ARGV[6])
end
if #ARGV < 8 then
  return 1
end
local had = redis.call('HMGET', KEYS[1], 'last', 'bytes')
local last, bytes = tonumber(had[1] or '0'), tonumber(had[2] or '0')
for i = 8, #ARGV, 3 do
  if tonumber(ARGV[i]) > last then
    redis.call('XADD', KEYS[2], ARGV[i] .. '-1', ARGV[i + 1], ARGV[i + 2])
    last = tonumber(ARGV[i])
    bytes = bytes + #ARGV[i + 2]
  end
end
local count, most, room = redis.call('XLEN', KEYS[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
while count > 0 and (count > most or bytes > room) do
  for _, old in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 32)) do
    if count > most or bytes > room then
      redis.call('XDEL', KEYS[2], old[1])
      count = count - 1
      bytes = bytes - #old[2][2]
    end
  end
end
redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last), 'bytes', bytes)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1`),

		// KEYS hash, lease; ARGV key, owner, fence, process, ms of the lease, ms to
		// keep, start of the channels' names, id. Gives 1, fence, state, clean and
		// last where the session is the caller's now; 4 and the ms of the other's
		// lease where it is held; 0 where there is nothing to take.
		//
		// A Redis that was promoted or started since the session was noted may have
		// lost where it stands, and who has it. A holder that lives says both again
		// before it would lose a lease: until then nobody gets the session.
		take: redis.NewScript(`
local h = redis.call('HMGET', KEYS[1], 'fence', 'key', 'owner', 'ended', 'state', 'clean', 'last', 'run')
if not h[1] or h[4] or h[2] ~= ARGV[1] or h[3] ~= ARGV[2] then
  return {0}
end
local holder = redis.call('GET', KEYS[2])
if holder then
  redis.call('HSET', KEYS[1], 'asker', ARGV[4])
  redis.call('PUBLISH', ARGV[7] .. holder, 'ask ' .. ARGV[8])
  return {4, redis.call('PTTL', KEYS[2])}
end
` + here + `
if h[8] and h[8] ~= run then
  redis.call('HSET', KEYS[1], 'run', run, 'asker', ARGV[4])
  redis.call('SET', KEYS[2], '', 'PX', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  return {4, tonumber(ARGV[5])}
end
local fence = string.format('%.0f', math.max(tonumber(h[1]) + 1, tonumber(ARGV[3])))
redis.call('HSET', KEYS[1], 'fence', fence, 'holder', ARGV[4], 'taken', 1)
redis.call('HDEL', KEYS[1], 'asker', 'clean')
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {1, fence, h[5] or '', h[6] or '', h[7] or '0'}`),

		// KEYS hash, lease, log, sessions; ARGV fence, process, ms to keep, whether
		// it has ended, ms for which a fence is remembered, id, start of the
		// channels' names. Of a session that was ever taken the fence stays, for a
		// holder that still sleeps.
		release: redis.NewScript(standing + `
if fence < mine then
  return -2
end
local asker, taken = redis.call('HGET', KEYS[1], 'asker'), redis.call('HGET', KEYS[1], 'taken')
redis.call('DEL', KEYS[2])
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[1], KEYS[3])
  redis.call('ZREM', KEYS[4], ARGV[6])
  if taken then
    redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'ended', 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
  end
else` + here + `
  redis.call('HSET', KEYS[1], 'clean', 1, 'run', run)
  redis.call('HDEL', KEYS[1], 'asker')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[3])
end
if asker then
  redis.call('PUBLISH', ARGV[7] .. asker, 'free ' .. ARGV[6])
end
return 1`),

		// KEYS hash, lease, log, sessions; ARGV fence, ms for which it is remembered,
		// id. Whoever holds the session has lost it.
		erase: redis.NewScript(`
local fence = math.max(tonumber(redis.call('HGET', KEYS[1], 'fence') or '0') + 1, tonumber(ARGV[1]))
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'fence', string.format('%.0f', fence), 'ended', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[4], ARGV[3])
return 1`),
	}
}
