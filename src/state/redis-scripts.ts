/**
 * What Redis does by itself, as Lua: a script is atomic, and one round trip however much it does. All keys of a script
 * carry one hash tag (redis-keys.ts), so it is legal in a cluster. Numbers go to and fro as text, since Redis cuts a
 * number that a script returns down to an integer.
 */
import { createHash } from "node:crypto";

export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/**
 * Keys: marker, erasedAt, touches, vetoes. Arguments: the last index of touches, of vetoes. Returns the marker's epoch and
 * version, erasedAt, and each list newest first as its members one behind the other: one long string costs the server
 * half of what a list of them does.
 */
export const READ = script(`
local marker = redis.call('HMGET', KEYS[1], 'epoch', 'version')
return {
  marker[1], marker[2], redis.call('GET', KEYS[2]),
  table.concat(redis.call('ZRANGE', KEYS[3], 0, ARGV[1], 'REV')),
  table.concat(redis.call('ZRANGE', KEYS[4], 0, ARGV[2], 'REV'))
}`);

/**
 * Merges states into those of their users (merge-touches.ts says what that is).
 *
 * Keys: marker; erasedAt, touches, vetoes of each user; the store's facts where \`applied\` is given. Arguments: epoch,
 * limit of touches, of vetoes, maxAge less the time now or '', applied or '', the number of users; then for each user
 * erasedAt or '', the number of touches, of vetoes, and for each of these, oldest first, time and member.
 *
 * Returns the shard's version afterwards, or nothing, having done nothing, where the epoch is another one. An error in the
 * middle leaves \`applied\` where it was, and merging once more does no harm.
 */
export const MERGE = script(`
local epoch, horizon, applied, users = ARGV[1], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local facts = applied ~= '' and KEYS[#KEYS]
if redis.call('HGET', KEYS[1], 'epoch') ~= epoch then return false end
if facts and redis.call('HGET', facts, 'epoch') ~= epoch then return false end

local at = 7

-- Id and time, by which touches are the same; members end with their time.
local function name(member)
  return string.sub(member, 1, string.find(member, '\\0', 1, true)) .. string.sub(member, -8)
end

-- Of two members with one name, which stand side by side, the greater stays.
local function removeLesser(key, member)
  local rank = redis.call('ZRANK', key, member)
  local first = math.max(rank - 1, 0)
  local near = redis.call('ZRANGE', key, first, rank + 1)
  local below, above = near[rank - first], near[rank - first + 2]
  if above and name(above) == name(member) then redis.call('ZREM', key, member) end
  if below and name(below) == name(member) then redis.call('ZREM', key, below) end
end

local function merge(key, count, limit, erased)
  if count == 0 then return end
  local newest = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]) or -math.huge
  local changed = false
  for i = at, at + 2 * count - 2, 2 do
    local time = tonumber(ARGV[i])
    if time > erased and redis.call('ZADD', key, ARGV[i], ARGV[i + 1]) == 1 then
      changed = true
      if time > newest then newest = time else removeLesser(key, ARGV[i + 1]) end
    end
  end
  at = at + 2 * count
  if not changed then return end
  redis.call('ZREMRANGEBYRANK', key, 0, -limit - 1)
  if horizon then
    local left = newest + horizon
    if left > 0 then redis.call('PEXPIRE', key, string.format('%.0f', left)) else redis.call('DEL', key) end
  end
end

for user = 1, users do
  local key = 3 * user - 1
  local known = redis.call('GET', KEYS[key])
  local erased = known and tonumber(known) or -math.huge
  local given, touches, vetoes = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  if given ~= '' and tonumber(given) > erased then
    redis.call('SET', KEYS[key], given)
    redis.call('ZREMRANGEBYSCORE', KEYS[key + 1], '-inf', given)
    redis.call('ZREMRANGEBYSCORE', KEYS[key + 2], '-inf', given)
    erased = tonumber(given)
  end
  merge(KEYS[key + 1], touches, tonumber(ARGV[2]), erased)
  merge(KEYS[key + 2], vetoes, tonumber(ARGV[3]), erased)
end

if facts and tonumber(redis.call('HGET', facts, 'applied')) < tonumber(applied) then
  redis.call('HSET', facts, 'applied', applied)
end
return tostring(redis.call('HINCRBY', KEYS[1], 'version', users > 0 and 1 or 0))`);

/**
 * Keys: the store's facts. Arguments: epoch, applied, then shards and the versions that they had reached. Nothing of it
 * goes back. Returns nothing where the epoch is another one.
 */
export const ADVANCE = script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
local function raise(field, value)
  local known = redis.call('HGET', KEYS[1], field)
  if not known or tonumber(known) < tonumber(value) then redis.call('HSET', KEYS[1], field, value) end
end
raise('applied', ARGV[2])
for i = 3, #ARGV, 2 do raise('version ' .. ARGV[i], ARGV[i + 1]) end
return 'ok'`);

/**
 * Makes the facts of a store that is being cleared. Keys: the store's facts. Arguments: 'always', or 'absent' where
 * those that are there already are to stay; then fields and values. Returns nothing where they stay.
 */
export const BEGIN = script(`
if ARGV[1] == 'absent' and redis.call('EXISTS', KEYS[1]) == 1 then return false end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 'ok'`);

/** Removes keys of a shard that is still being cleared by us. Keys: marker, those to remove. Argument: the marker's epoch. */
export const REMOVE = script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
redis.call('UNLINK', unpack(KEYS, 2))
return 'ok'`);

/** Opens a shard that was cleared by us. Keys: marker. Arguments: the marker's epoch, and the new one. */
export const OPEN_SHARD = script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'version', 0)
return 'ok'`);

/** Opens the store when all shards are open. Keys: the store's facts. Argument: its epoch. */
export const OPEN_STORE = script(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
redis.call('HDEL', KEYS[1], 'clearing')
return 'ok'`);

function script(text: string): RedisScript {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
