-- Remove entities of generations that are neither live nor being built.
-- KEYS: the live marker, the marker of a rebuild, then the entities. ARGV: the generations that the
-- sweeper believes the two markers name, empty where there is none.
-- Answers 1, or 0 where a marker names another: then nothing is removed.
for i = 1, 2 do
  if (redis.call('HGET', KEYS[i], 'generation') or '') ~= ARGV[i] then
    return 0
  end
end
for i = 3, #KEYS do
  redis.call('UNLINK', KEYS[i])
end
return 1
