-- Keeps what a node saw of a log's end, until the log is settled (see _settle).
-- KEYS  meta
-- ARGV  at epoch last-epoch tip moment, then for each event: seq ms body
--       last-epoch: the one that the node saw last, which continues `epoch` or is the same
-- ->    1 kept, 0 too late: the log has gone on without it
local head = redis.call('HMGET', KEYS[1], 'epoch', 'at')
if head[2] == ARGV[1] or (head[1] and head[1] ~= ARGV[2]) then return 0 end
if not head[1] then
  -- it was made in what was lost
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'seq', 0)
  redis.call('EXPIRE', KEYS[1], ARGV[5])
end
for i = 6, #ARGV, 3 do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
end
local before = redis.call('HGET', KEYS[1], 'offered') or '0'
if tonumber(ARGV[4]) > tonumber(before) then redis.call('HSET', KEYS[1], 'offered', ARGV[4]) end
if ARGV[3] ~= ARGV[2] then redis.call('HSET', KEYS[1], 'later', ARGV[3]) end
return 1
