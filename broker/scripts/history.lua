-- Reads what was said in a channel: the last lines, or the last before a place.
-- KEYS  meta log
-- ARGV  count ranks(whose lines are read, of those that aren't for all), then maybe the place: epoch seq
-- ->    {epoch or '', {id, ms, body, ...}} spoken entries, newest first
local about = redis.call('HMGET', KEYS[1], 'spoken', 'seq', 'epoch', 'past')
local upto = tonumber(about[2] or '0')
if ARGV[3] then
  local known = ARGV[3] == about[3] and upto or 0
  for epoch, seq in string.gmatch(about[4] or '', '(%S+):(%d+)') do  -- see _settle
    if epoch == ARGV[3] then known = math.max(known, tonumber(seq)) end
  end
  upto = math.max(0, math.min(known, tonumber(ARGV[4]) - 1))
end
return { about[3] or '', spoken(KEYS[2], about[1], upto, tonumber(ARGV[1]), ARGV[2]) }
