-- Tells a channel that something about a member is otherwise, and puts into the roster what it has of that.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num by(their user@host from now on; empty: as it was) body
-- ->    0 not a member, 1 done and told (now or before), 2 done quietly
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local m, num = member(roster, ARGV[3], ARGV[4]), tonumber(ARGV[5])
if not m then return 0 end
if m.num < num then
  m.num = num
  if ARGV[6] ~= '' then m.status = string.match(m.status, '^[^!]*') .. '!' .. ARGV[6] end
  keep(roster, ARGV[3], m)
  if m.flag == 'a' then append(meta, log, log, ARGV[1], ARGV[2], { ARGV[7] }) end
end
return m.flag == 'a' and 1 or 2
