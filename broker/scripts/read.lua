-- Reads a log after a place, to mend a gap or to find the tip.
-- KEYS  meta log
-- ARGV  after-seq count
-- ->    {epoch or '', tip, {id, ms, body, ...}, past(see _settle)} oldest first
local about = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'past')
local flat = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], string.format('(%s-0', ARGV[1]), '+', 'COUNT', ARGV[2])) do
  flat[#flat + 1] = entry[1]
  flat[#flat + 1] = entry[2][2]
  flat[#flat + 1] = entry[2][4]
end
return { about[1] or '', about[2] or '0', flat, about[3] or '' }
