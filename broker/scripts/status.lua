#!lua flags=allow-oom
-- Writes down how a node is, and what has happened to it since the last time. Bounded, so it's done
-- without memory, too: that's when people look.
-- KEYS  status incidents leases
-- ARGV  incarnation status most(incidents kept) incident...
-- ->    how many nodes hold a lease
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 4, #ARGV do
  redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], '*', 'i', ARGV[i])
end
return redis.call('ZCARD', KEYS[3])
