-- Read some fields of entities of any partitions, and of those partitions' markers, as of one moment.
-- KEYS: the markers, then the entities. ARGV: the number of markers; the names of a marker's fields
-- that are asked for; those of an entity's. Lists are msgpack.
-- Answers a list of values for each key, false for what is missing, as one msgpack: many small
-- values take a client longer.
local markers = tonumber(ARGV[1])
local of_marker, of_entity = cmsgpack.unpack(ARGV[2]), cmsgpack.unpack(ARGV[3])
local answer = {}
for i = 1, #KEYS do
  answer[i] = redis.call('HMGET', KEYS[i], unpack(i <= markers and of_marker or of_entity))
end
return cmsgpack.pack(answer)
