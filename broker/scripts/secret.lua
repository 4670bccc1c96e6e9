-- A secret that all nodes share: the one that's there, or the caller's, for all from then on.
-- KEYS  secret
-- ARGV  drawn
-- ->    the secret
redis.call('SETNX', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
