-- The nodes of a cluster meet at a server that is another than their data's last: it was started
-- again, or took over, and may lack what was accepted last. Nobody writes before all have said
-- what they saw, or the time for that is over.
-- KEYS  recovery leases epoch
-- ARGV  incarnation window-ms done(1: this node has said all, 0)
-- ->    {server or '' if that can't be known, epoch or '' if the server is empty, ms to wait}
--
-- A server is known by its process, and by whom it was a replica of, if it was: it may have come
-- back to being the master with another's data. (The replication id alone changes with the first
-- replica that comes, too.)
local function said(section, field)
  local info = redis.pcall('INFO', section)
  return type(info) == 'string' and string.match(info, field .. ':(%x+)')
end
local process = said('server', 'run_id')
if not process then return { '', '', 0 } end
local server = string.sub(redis.sha1hex(process .. (said('replication', 'master_replid2') or '')), 1, 16)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local epoch = redis.call('GET', KEYS[3]) or ''
local met = redis.call('HMGET', KEYS[1], 'server', 'until')
if not met[1] then
  redis.call('HSET', KEYS[1], 'server', server, 'until', 0)
  return { server, epoch, 0 }
end
local ends = tonumber(met[2])
if met[1] ~= server then
  ends = now + tonumber(ARGV[2])
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'server', server, 'until', string.format('%.0f', ends))
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
return { server, epoch, math.max(0, ends - now) }
