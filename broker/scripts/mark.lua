#!lua flags=allow-oom
-- Writes something, for WAIT to tell which replicas have come so far.
-- KEYS  mark
redis.call('SET', KEYS[1], '', 'EX', 60)
return 1
