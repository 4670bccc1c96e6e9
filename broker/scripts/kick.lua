-- Takes somebody out of a channel, as somebody else there wants.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num law(judged by) status(judged by) target status(judged by)
--       head tail seconds moment at(see _settle)
--       (the event is HEAD + the target's nick + TAIL: the roster knows it better than the caller)
-- ->    2 not a member, {0, members left, address of the maker if the channel is gone} done now or
--       before, or as_it_is of both
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
settle(meta, roster, log, ARGV[2], ARGV[14])
local m = member(roster, ARGV[3], ARGV[4])
if not m then return 2 end
if tonumber(ARGV[5]) <= m.num then return { 0, 1, '' } end
local target = member(roster, ARGV[8])
if not target or letters(m) ~= ARGV[7] or letters(target) ~= ARGV[9]
  or (redis.call('HGET', meta, 'law') or '0') ~= ARGV[6] then
  return as_it_is(meta, roster, { ARGV[3], ARGV[8] })
end
m.num = tonumber(ARGV[5])
keep(roster, ARGV[3], m)
append(meta, log, log, ARGV[1], ARGV[2], { ARGV[10] .. cjson.encode(target.nick) .. ARGV[11] })
return { 0, take_out(meta, roster, log, ARGV[8], ARGV[12], ARGV[13]) }
