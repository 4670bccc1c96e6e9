-- Notes that somebody may come into a channel, and tells those who are there.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num law(judged by) status(judged by) guest(sid) head tail
--       at(see _settle)
--       (the event is HEAD + the channel's name + TAIL)
-- ->    2 not a member, 3 the guest is one, {0, name} done now or before, or as_it_is of who asks
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
settle(meta, roster, log, ARGV[2], ARGV[11])
local m = member(roster, ARGV[3], ARGV[4])
if not m then return 2 end
local about = redis.call('HMGET', meta, 'name', 'law', 'invites')
if tonumber(ARGV[5]) <= m.num then return { 0, about[1] } end
if letters(m) ~= ARGV[7] or (about[2] or '0') ~= ARGV[6] then
  return as_it_is(meta, roster, { ARGV[3] })
end
if member(roster, ARGV[8]) then return 3 end
m.num = tonumber(ARGV[5])
keep(roster, ARGV[3], m)
redis.call('HSET', meta, 'invites', inviting(about[3], ARGV[8], true))
append(meta, log, log, ARGV[1], ARGV[2], { ARGV[9] .. cjson.encode(about[1]) .. ARGV[10] })
return { 0, about[1] }
