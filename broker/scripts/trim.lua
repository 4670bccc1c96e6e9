-- Forgets what is older than the days kept, and how much a channel may keep at most.
-- KEYS  meta log
-- ARGV  oldest-ms lines
-- ->    how many entries went
local gone = 0
while true do
  local chunk = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 100)
  local old = {}
  for _, entry in ipairs(chunk) do
    if tonumber(entry[2][2]) < tonumber(ARGV[1]) then old[#old + 1] = entry[1] end
  end
  if #old > 0 then gone = gone + redis.call('XDEL', KEYS[2], unpack(old)) end
  if #old < 100 then break end
end
return gone + redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[2])
