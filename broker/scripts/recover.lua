-- The nodes of a cluster meet at a server that is another than their data's last: it was started
-- again, or took over, and may lack what was accepted last. Nobody writes before all have said
-- what they saw, or the time for that is over.
-- KEYS  recovery leases epoch
-- ARGV  incarnation window-ms done(1: this node has said all, 0) parts epoch
--       parts: of a Redis Cluster, what its masters are known by (see broker/marks.py), each
--       between spaces; empty: this server is all there is
--       epoch: of what the node knows, for a part that has lost it while others haven't; or empty
--       (of a Redis Cluster with done 1: another than before if this node is to look again)
--       lease-ms, and each incarnation that held one at this node's last beat
-- ->    {server or '' if that can't be known, epoch or '' if the server is empty, ms to wait,
--        1 if leases were lost alone, and nobody can have swept for that}
--
-- A server is known by its process, and by whom it was a replica of, if it was: it may have come
-- back to being the master with another's data. (The replication id alone changes with the first
-- replica that comes, too.)
local function said(section, field)
  local info = redis.pcall('INFO', section)
  return type(info) == 'string' and string.match(info, field .. ':(%x+)')
end
local known, parts = '', ARGV[4]
if parts ~= '' then
  known = parts
else
  known = said('server', 'run_id')
  if not known then return { '', '', 0, 0 } end
  known = known .. (said('replication', 'master_replid2') or '')
end
local server = string.sub(redis.sha1hex(known), 1, 16)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local epoch = redis.call('GET', KEYS[3]) or ''
local met = redis.call('HMGET', KEYS[1], 'server', 'until', 'parts', 'blind')
if met[3] and met[3] ~= parts then
  -- masters that came lack nothing; one that is there no more may be lost
  local whole = true
  for part in string.gmatch(met[3], '%S+') do
    whole = whole and string.find(parts, ' ' .. part .. ' ', 1, true)
  end
  if whole then
    server = met[1]
    redis.call('HSET', KEYS[1], 'parts', parts)
  end
elseif met[3] then
  server = met[1]
end
local adopted = epoch == '' and ARGV[5] ~= ''
if adopted then
  epoch = ARGV[5]
  redis.call('SET', KEYS[3], epoch)
end
if not met[1] and not adopted then
  redis.call('HSET', KEYS[1], 'server', server, 'until', 0, unpack(parts ~= '' and { 'parts', parts } or {}))
  return { server, epoch, 0, 0 }
end
local ends = tonumber(met[2])
-- others met at other masters while this node was on its way: one of them has an old view
if parts ~= '' and ARGV[3] == '1' and met[1] and met[1] ~= server then
  return { met[1], epoch, math.max(0, ends - now), 0 }
end
if met[1] ~= server then
  ends = now + tonumber(ARGV[2])
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'server', server, 'until', string.format('%.0f', ends),
    unpack(parts ~= '' and { 'parts', parts } or {}))
  if adopted then redis.call('HSET', KEYS[1], 'blind', 1) end
end
local blind = adopted or (met[4] and ends > now)
if blind then
  -- nobody could renew theirs, or sweep others, since: whoever doesn't come is swept as ever
  local deadline = string.format('%.0f', now + tonumber(ARGV[6]))
  for i = 7, #ARGV do redis.call('ZADD', KEYS[2], 'NX', deadline, ARGV[i]) end
end
if ARGV[3] == '1' and ends > now then
  redis.call('HSET', KEYS[1], 'node ' .. ARGV[1], 1)
  local awaited = 0
  for _, node in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
    awaited = awaited + 1 - redis.call('HEXISTS', KEYS[1], 'node ' .. node)
  end
  if awaited == 0 then
    ends = now
    redis.call('HSET', KEYS[1], 'until', 0)
  end
end
return { server, epoch, math.max(0, ends - now), blind and 1 or 0 }
