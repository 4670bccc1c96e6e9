-- Reads what one person sent to another, in an inbox.
-- KEYS  meta log
-- ARGV  field value: 'to' and the session that got it, or 'by' and the session that sent it
--       nick(folded, of who sent it; only if 'to', and if it's not of everybody)
-- ->    {epoch or '', tip, past(see _settle), {id, ms, body, ...}} oldest first
local about = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'past')
local flat = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+')) do
  local body = entry[2][4]
  local event = cjson.decode(body)
  -- `to` stands in the sixth place of what is told
  local mine = ARGV[1] == 'by' and event[2] == ARGV[2]
    or (ARGV[1] == 'to' and event[6] == ARGV[2] and (not ARGV[3] or string.lower(event[4]) == ARGV[3]))
  if mine then
    flat[#flat + 1] = entry[1]
    flat[#flat + 1] = entry[2][2]
    flat[#flat + 1] = body
  end
end
return { about[1] or '', about[2] or '0', about[3] or '', flat }
