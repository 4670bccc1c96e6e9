-- Writes down what sessions of a node hold or are about to hold, so that a sweep finds it.
-- KEYS  sessions(of the node's incarnation)
-- ARGV  deadline(see tell), then for each: sid record
-- ->    1 done, 0 late: nobody would sweep what is written after the lease's end
if now() > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
