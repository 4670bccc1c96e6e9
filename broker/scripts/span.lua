-- Reads a part of a channel's log; broker/spans.py has the same rules.
-- KEYS  meta log
-- ARGV  way('before', 'after', 'latest', 'around' or 'between') count every(1: also what wasn't said)
--       ranks(whose lines are read, of those that aren't for all), then for each place: epoch seq,
--       or for a time: '' ms
-- ->    {epoch or '', tip, past(see _settle), more(1 or 0), {id, ms, body, ...}} oldest first
local meta, log = KEYS[1], KEYS[2]
local way, count, every, ranks = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local about = redis.call('HMGET', meta, 'epoch', 'seq', 'past')
local tip = tonumber(about[2] or '0')

local function id(seq) return string.format('%.0f-0', math.max(0, seq)) end
local function seq_of(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- The least seq from which on everything is as new as `ms`; ids are numbers, so half of what is left
-- is left after each look. (If the clock was set back, it's one of the places where it became so.)
local function since(ms)
  local low, high = 1, tip + 1
  local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if oldest then low = seq_of(oldest) end
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('XRANGE', log, id(middle), id(high - 1), 'COUNT', 1)[1]
    if not entry or tonumber(entry[2][2]) >= ms then high = middle else low = seq_of(entry) + 1 end
  end
  return low
end

-- Of a place: the first seq that isn't before it, and the first that is after it.
local function edge(epoch, place)
  if epoch == '' then return { since(tonumber(place)), since(tonumber(place) + 1) } end
  local known, seq = epoch == about[1] and tip or 0, tonumber(place)
  for former, upto in string.gmatch(about[3] or '', '(%S+):(%d+)') do
    if former == epoch then known = math.max(known, tonumber(upto)) end
  end
  if seq > known then return { known + 1, known + 1 } end
  return { seq, seq + 1 }
end

-- At most `most` of what is wanted from the seq `low` on, and before `high`; from either end. Whether
-- there's more of it.
local function part(low, high, most, newest)
  local found, size = {}, most + 1
  while low < high do
    local chunk = newest and redis.call('XREVRANGE', log, id(high - 1), id(low), 'COUNT', size)
      or redis.call('XRANGE', log, id(low), id(high - 1), 'COUNT', size)
    for _, entry in ipairs(chunk) do
      local body = entry[2][4]
      if (every and string.sub(body, 1, 8) ~= '["moved"' or string.sub(body, 1, 7) == '["said"')
        and readable(body, ranks) then
        if #found == most then return found, true end
        found[#found + 1] = entry
      end
    end
    if #chunk < size then break end
    if newest then high = seq_of(chunk[#chunk]) else low = seq_of(chunk[#chunk]) + 1 end
    size = 100
  end
  return found, false
end

local one = ARGV[6] and edge(ARGV[5], ARGV[6])
local other = ARGV[8] and edge(ARGV[7], ARGV[8])
local flat, some, more, newest = {}, nil, nil, false
local function add(entry)
  flat[#flat + 1] = entry[1]
  flat[#flat + 1] = entry[2][2]
  flat[#flat + 1] = entry[2][4]
end
if way == 'around' then
  local half = math.floor(count / 2)
  local before, older = part(1, one[1], half, true)
  for i = #before, 1, -1 do add(before[i]) end
  some, more = part(one[1], tip + 1, count - half, false)
  more = more or older
elseif way == 'before' then
  newest, some, more = true, part(1, one[1], count, true)
elseif way == 'after' then
  some, more = part(one[2], tip + 1, count, false)
elseif way == 'latest' then
  newest, some, more = true, part(one and one[2] or 1, tip + 1, count, true)
else
  newest = one[1] > other[1] or (one[1] == other[1] and one[2] > other[2])
  if newest then one, other = other, one end
  some, more = part(one[2], other[1], count, newest)
end
for i = 1, #some do add(some[newest and #some + 1 - i or i]) end
return { about[1] or '', about[2] or '0', about[3] or '', more and 1 or 0, flat }
