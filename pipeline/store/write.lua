-- Write the entities of one partition and its marker together, or nothing at all.
-- KEYS: the marker, then the entities. ARGV: generation, topic id, fingerprint and offset that the
-- writer believes the marker holds (all empty: no marker); the marker's new fields; the names of an
-- entity's fields; then each entity's values, empty to delete it. Lists are msgpack. Where there are
-- fewer values than names, the entity does not have the last fields.
-- Answers {'ok'}, {'type', key} or {'conflict', marker fields...}.
-- An error rolls nothing back, so every type is checked before the first write, and that is HSET:
-- Redis refuses to grow beyond its memory only at a script's first write, and never refuses DEL.
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then
    return {'type', KEYS[i]}
  end
end

local found = redis.call('HMGET', KEYS[1], 'generation', 'topic_id', 'fingerprint', 'offset')
for i = 1, 4 do
  if (found[i] or '') ~= ARGV[i] then
    local actual = redis.call('HGETALL', KEYS[1])
    table.insert(actual, 1, 'conflict')
    return actual
  end
end

redis.call('HSET', KEYS[1], unpack(cmsgpack.unpack(ARGV[5])))
local names = cmsgpack.unpack(ARGV[6])
local fields = {}
for j = 1, #names do
  fields[2 * j - 1] = names[j]
end
for i = 2, #KEYS do
  local packed = ARGV[5 + i]
  redis.call('DEL', KEYS[i])
  if packed ~= '' then
    local values = cmsgpack.unpack(packed)
    for j = 1, #values do
      fields[2 * j] = values[j]
    end
    redis.call('HSET', KEYS[i], unpack(fields, 1, 2 * #values))
  end
end
return {'ok'}
