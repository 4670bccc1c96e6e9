-- Appends as new what a node saw of a channel's log and came too late to offer, unless it's there.
-- KEYS  meta roster log
-- ARGV  name-as-json lines after, then for each event: body
--       after: the place up to which the node had seen what is in the log
-- ->    how many were appended
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local known, bodies, spoken = {}, {}, nil
local function identity(event) return event[2] .. ' ' .. string.format('%.0f', event[3]) end
for _, entry in ipairs(redis.call('XRANGE', log, '(' .. ARGV[3] .. '-0', '+')) do
  known[identity(cjson.decode(entry[2][4]))] = true
end
for i = 4, #ARGV do
  local event = cjson.decode(ARGV[i])
  if not known[identity(event)] then
    bodies[#bodies + 1] = ARGV[i]
    if event[1] == 'said' or event[1] == 'tagged' then spoken = 'spoken' end
    if event[1] == 'redacted' then take_back(meta, log, event[5]) end
    local m = member(roster, event[2])
    if m and event[3] > m.num then
      m.num = event[3]
      keep(roster, event[2], m)
    end
  end
end
if #bodies > 0 then append(meta, log, log, ARGV[1], ARGV[2], bodies, spoken) end
return #bodies
