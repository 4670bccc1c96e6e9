-- Put before the scripts that read what was said.

local EXTRA = 8  -- where a line or tags have what few have, see events.Extra

-- Whether an event is for somebody who reads lines of these ranks ('': only those for all).
local function readable(body, ranks)
  if string.sub(body, -2) ~= ']]' then return true end
  local event = cjson.decode(body)
  local extra = (event[1] == 'said' or event[1] == 'tagged') and event[EXTRA]
  local rank = type(extra) == 'table' and extra[3] or ''
  return rank == '' or string.find(ranks, rank, 1, true) ~= nil
end

-- The last `count` lines said up to `tip`, newest first: {id, ms, body, ...}. `last`: the seq of
-- the last one, from the channel's meta; nothing after it need be looked at.
local function spoken(log, last, tip, count, ranks)
  local found, size = {}, count
  local from = string.format('%.0f-0', math.min(tonumber(last or '0'), tonumber(tip)))
  while count > 0 and last do
    local chunk = redis.call('XREVRANGE', log, from, '-', 'COUNT', size)
    for _, entry in ipairs(chunk) do
      local fields = entry[2]
      if string.sub(fields[4], 1, 7) == '["said"' and readable(fields[4], ranks) then
        found[#found + 1] = entry[1]
        found[#found + 1] = fields[2]
        found[#found + 1] = fields[4]
        count = count - 1
        if count == 0 then break end
      end
    end
    if #chunk < size then break end
    from, size = '(' .. chunk[#chunk][1], 100
  end
  return found
end
