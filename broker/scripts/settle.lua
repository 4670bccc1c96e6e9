-- Lets a log go on under this server, with what was offered of what it lost.
-- KEYS  meta holders(a channel's roster, or a nick's claim) log
-- ARGV  at lines seconds moment channel(1 or 0: an inbox)
settle(KEYS[1], ARGV[5] == '1' and KEYS[2] or nil, KEYS[3], ARGV[2], ARGV[1])
if redis.call('HLEN', KEYS[2]) > 0 then
  redis.call('PERSIST', KEYS[1])
  redis.call('PERSIST', KEYS[3])
else
  local seconds = redis.call('HEXISTS', KEYS[1], 'spoken') == 1 and ARGV[3] or ARGV[4]
  redis.call('EXPIRE', KEYS[1], seconds)
  redis.call('EXPIRE', KEYS[3], seconds)
end
return 1
