-- Keeps what a node saw of a log's end, until the log is settled (see _settle).
-- KEYS  meta
-- ARGV  at epoch last-epoch tip known moment, then for each event: seq ms body
--       last-epoch: the one that the node saw last, which continues `epoch` or is the same
--       known: till when the node knew that this was the log (ms): of one that is lost as a whole,
--       some remember what it was before it was lost another time
-- ->    1 kept, 0 too late: the log has gone on without it
local head = redis.call('HMGET', KEYS[1], 'epoch', 'at', 'known')
if head[2] == ARGV[1] then return 0 end
if head[1] and head[1] ~= ARGV[2] then
  if not head[3] or tonumber(ARGV[5]) <= tonumber(head[3]) then return 0 end
  redis.call('DEL', KEYS[1])
  head = {}
end
if not head[1] then redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'seq', 0) end
if not head[1] or head[3] then
  -- it was lost as a whole, or made in what was lost
  local known = math.max(tonumber(head[3] or '0'), tonumber(ARGV[5]))
  redis.call('HSET', KEYS[1], 'known', string.format('%.0f', known))
  redis.call('EXPIRE', KEYS[1], ARGV[6])
end
for i = 7, #ARGV, 3 do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
end
local before = redis.call('HGET', KEYS[1], 'offered') or '0'
if tonumber(ARGV[4]) > tonumber(before) then redis.call('HSET', KEYS[1], 'offered', ARGV[4]) end
if ARGV[3] ~= ARGV[2] then redis.call('HSET', KEYS[1], 'later', ARGV[3]) end
return 1
