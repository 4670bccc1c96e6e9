-- Takes back what was said in a channel: nothing is left of it but its place, and an event that says
-- so.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num head tail(see _settle, redacted) epoch seq
--       statuses(letters: who may take back what others said)
--       power(1: may do so, and needn't be a member) at(see _settle)
-- ->    {'stranger'} not a member, {'unknown'} there's nothing said at that place, {'forbidden'}, or
--       {'ok', epoch, seq, ms, the place as it was told first}, the same when repeated
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local sid, num, power = ARGV[3], tonumber(ARGV[5]), ARGV[11] == '1'
local m = member(roster, sid, ARGV[4])
if not m and not power then return { 'stranger' } end
settle(meta, roster, log, ARGV[2], ARGV[12])
local seq = tonumber(ARGV[9])
local found = seq <= of_epoch(meta, ARGV[8]) and event_at(log, seq)
if found and found[1] == '?' then
  local before = redaction(log, sid, ARGV[5])
  if before then return { 'ok', redis.call('HGET', meta, 'epoch'), before[1], before[2], before[3][5] } end
end
if not found or (found[1] ~= 'said' and found[1] ~= 'tagged') then return { 'unknown' } end
if found[2] ~= sid and not power then
  local status = string.match(m.status, '^[^!]*')
  if not string.find(status, '[' .. ARGV[10] .. ']') then return { 'forbidden' } end
end
if m then
  m.num = math.max(m.num, num)
  keep(roster, sid, m)
end
local body, at = redacted(meta, seq, ARGV[6], ARGV[7], '')
blank(log, seq)
local place = append(meta, log, log, ARGV[1], ARGV[2], { body })
return { 'ok', place[1], place[2], place[3], at }
