-- Put the generation that a rebuild has built in the place of the live one.
-- KEYS: the live marker, the marker under which it was built. ARGV: the generation and the topic id
-- that the live marker must have (both empty: there must be none), the lowest offset it may have,
-- and the generation that was built.
-- Answers {'ok'}, {'type', key}, {'overtaken'} where another rebuild has built over it, or
-- {'conflict', marker fields...}.
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then
    return {'type', KEYS[i]}
  end
end

if redis.call('HGET', KEYS[2], 'generation') ~= ARGV[4] then
  return {'overtaken'}
end

local live = redis.call('HMGET', KEYS[1], 'generation', 'topic_id', 'offset')
local same = (live[1] or '') == ARGV[1] and (live[2] or '') == ARGV[2]
if not same or (live[3] and tonumber(live[3]) < tonumber(ARGV[3])) then
  local actual = redis.call('HGETALL', KEYS[1])
  table.insert(actual, 1, 'conflict')
  return actual
end

redis.call('RENAME', KEYS[2], KEYS[1])
return {'ok'}
