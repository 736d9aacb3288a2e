-- Which generations of a partition are live and being built.
-- KEYS: the live marker, the marker of a rebuild, its lease. Without the lease whoever built is dead:
-- the marker is deleted, so that nobody goes on with what is swept from now on.
-- Answers the two generations, empty where there is none.
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('DEL', KEYS[2])
end
return {
  redis.call('HGET', KEYS[1], 'generation') or '',
  redis.call('HGET', KEYS[2], 'generation') or '',
}
