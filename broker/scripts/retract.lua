-- Takes back what was told to a nick, as `redact` does in a channel; only its author may.
-- KEYS  claim meta log
-- ARGV  name-as-json lines sid num head tail(see _settle, redacted) epoch seq deadline(see tell)
--       at(see _settle)
-- ->    {'late'}, {'unknown'}, or {'ok', epoch, seq, ms, the place as it was told first, the session
--       that it was told}, the same when repeated
local meta, log = KEYS[2], KEYS[3]
if now() > tonumber(ARGV[9]) then return { 'late' } end
settle(meta, nil, log, ARGV[2], ARGV[10])
local seq = tonumber(ARGV[8])
local found = seq <= of_epoch(meta, ARGV[7]) and event_at(log, seq)
if found and found[1] == '?' then
  local before = redaction(log, ARGV[3], ARGV[4])
  local event = before and before[3]
  if before then
    return { 'ok', redis.call('HGET', meta, 'epoch'), before[1], before[2], event[5], event[8] }
  end
end
-- whether there's something of somebody else's, nobody is told
if not found or found[2] ~= ARGV[3] or (found[1] ~= 'told' and found[1] ~= 'tagged') then return { 'unknown' } end
local body, at = redacted(meta, seq, ARGV[5], ARGV[6], found[6])
blank(log, seq)
local topic = redis.call('HGET', KEYS[1], 'topic') or log
local place = append(meta, log, topic, ARGV[1], ARGV[2], { body })
return { 'ok', place[1], place[2], place[3], at, found[6] }
