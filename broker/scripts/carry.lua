-- Puts a part of the log of a channel that is about to have a name where it belongs.
-- KEYS  meta log
-- ARGV  id(of the move), then for each entry: ID ms body
-- ->    1 done, 0 the name isn't held for it any more
if redis.call('HGET', KEYS[1], 'berth') ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 3 do
  -- refused if it's there already: two nodes may do this
  redis.pcall('XADD', KEYS[2], ARGV[i], 'm', ARGV[i + 1], 'e', ARGV[i + 2])
end
return 1
