#!lua flags=allow-oom
-- Puts a channel on the list of those with members. Not refused for want of memory: who comes in does it
-- once, and nobody would do it again.
-- KEYS  channels
-- ARGV  channel(folded)
-- ->    1, or 0 if it was there
return redis.call('SADD', KEYS[1], ARGV[1])
