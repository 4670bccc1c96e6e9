-- Puts a new nick into a roster.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token nick body
-- ->    0 not a member, 1 done and told (now or before), 2 done quietly
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local m = member(roster, ARGV[3], ARGV[4])
if not m then return 0 end
if m.nick ~= ARGV[5] then
  m.nick = ARGV[5]
  keep(roster, ARGV[3], m)
  if m.flag == 'a' then append(meta, log, log, ARGV[1], ARGV[2], { ARGV[6] }) end
end
return m.flag == 'a' and 1 or 2
