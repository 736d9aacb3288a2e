-- Read the marker of a partition and the fields of some of its entities, as of one moment.
-- KEYS: the marker, then the entities. ARGV: the names of an entity's fields.
-- Answers the marker's fields and values in one list, then one list of values per entity.
local answer = {redis.call('HGETALL', KEYS[1])}
for i = 2, #KEYS do
  answer[i] = redis.call('HMGET', KEYS[i], unpack(ARGV))
end
return answer
