#!lua flags=allow-oom
-- Takes a session out of a channel. An empty channel is kept as long as its history; one in which
-- nothing was said is no channel any more, its log stays a moment for who may have to read it.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token tell head tail seconds moment at(see _settle)
--       tell: 'always', 'loud' (not if the member is quiet) or 'never'
--       (the event is HEAD + nick + TAIL: the roster knows the nick better than the caller)
-- ->    {2} not a member, or {0, told, members left, address of the maker if the channel is gone}
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
settle(meta, roster, log, ARGV[2], ARGV[10])
-- who was put back without a token (see _settle) is whoever knows their sid
local m = member(roster, ARGV[3], ARGV[4]) or member(roster, ARGV[3], '-')
if not m then return { 2 } end
redis.call('HDEL', roster, ARGV[3])
local told = 0
if ARGV[5] == 'always' or (ARGV[5] == 'loud' and m.flag == 'a') then
  append(meta, log, log, ARGV[1], ARGV[2], { ARGV[6] .. cjson.encode(m.nick) .. ARGV[7] })
  told = 1
end
local left = redis.call('HLEN', roster)
if left > 0 then return { 0, told, left, '' } end
local about = redis.call('HMGET', meta, 'spoken', 'made')
local seconds = about[1] and ARGV[8] or ARGV[9]
redis.call('EXPIRE', meta, seconds)
redis.call('EXPIRE', log, seconds)
return { 0, told, 0, about[1] and '' or about[2] or '' }
