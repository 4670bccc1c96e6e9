-- Sets a channel's topic.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num topic nick body law(judged by; '' not judged)
--       status(judged by)
-- ->    0 done (now or before), 2 not a member, or as_it_is of who asks
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local m = member(roster, ARGV[3], ARGV[4])
if not m then return 2 end
if tonumber(ARGV[5]) <= m.num then return 0 end
if ARGV[9] ~= ''
  and ((redis.call('HGET', meta, 'law') or '0') ~= ARGV[9] or letters(m) ~= ARGV[10]) then
  return as_it_is(meta, roster, { ARGV[3] })
end
m.num = tonumber(ARGV[5])
keep(roster, ARGV[3], m)
redis.call('HSET', meta, 'topic', ARGV[6], 'topic_nick', ARGV[7],
  'topic_ms', string.format('%.0f', now()))
redis.call('HSETNX', meta, 'spoken', 0)
append(meta, log, log, ARGV[1], ARGV[2], { ARGV[8] })
return 0
