#!lua flags=allow-oom
-- Nobody may take up a session any more.
-- KEYS  kept
-- ARGV  token(empty: only if it's detached)
-- ->    {tokens, record} or {} if it acts under another token, is on a node, or isn't kept
local about = redis.call('HMGET', KEYS[1], 'tokens', 'owner', 'record', 'gone')
if not about[1] then return {} end
-- one that has quit on a node is gone, too, but it's that node that ends it
if ARGV[1] == '' and not (about[3] and (about[2] == '' or about[4])) then return {} end
if ARGV[1] ~= '' and acting(about[1]) ~= ARGV[1] then return {} end
redis.call('HSET', KEYS[1], 'gone', 1)
return { about[1], about[3] or '' }
