-- Changes a channel's rules, or the statuses of some who are there, in one step.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num law(judged by) status(judged by, of who asks) body
--       at(see _settle), then for each whom it's about: sid status(judged by; '?' no member)
-- ->    2 not a member, {0} done (now or before), or as_it_is of them all, who asks first
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
settle(meta, roster, log, ARGV[2], ARGV[9])
local m = member(roster, ARGV[3], ARGV[4])
if not m then return 2 end
if tonumber(ARGV[5]) <= m.num then return { 0 } end
local them, same = { ARGV[3] }, letters(m) == ARGV[7]
for i = 10, #ARGV, 2 do
  them[#them + 1] = ARGV[i]
  same = same and (letters(member(roster, ARGV[i])) or '?') == ARGV[i + 1]
end
if not same or (redis.call('HGET', meta, 'law') or '0') ~= ARGV[6] then
  return as_it_is(meta, roster, them)
end
m.num = tonumber(ARGV[5])
keep(roster, ARGV[3], m)
if ARGV[8] ~= '' then
  enact(meta, roster, cjson.decode(ARGV[8]))
  append(meta, log, log, ARGV[1], ARGV[2], { ARGV[8] })
end
return { 0 }
