-- Appends as new what a node saw of a channel's log and came too late to offer, unless it's there.
-- KEYS  meta roster log
-- ARGV  name-as-json lines after, then for each event: body
--       after: the place up to which the node had seen what is in the log
-- ->    how many were appended
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local known, bodies, spoken = {}, {}, nil
local function identity(event) return event[2] .. ' ' .. string.format('%.0f', event[3]) end
-- What others have decided since stands: a change of rules that were changed again, or the kick of
-- somebody who isn't there, is nothing any more. What is left of both is done.
local function still(event)
  if event[1] == 'ruled' then
    if event[5] <= tonumber(redis.call('HGET', meta, 'law') or '0') then return false end
    enact(meta, roster, event)
  elseif event[1] == 'kicked' then
    return redis.call('HLEN', roster) > 1 and redis.call('HDEL', roster, event[5]) == 1
  elseif event[1] == 'moved' then
    return false  -- the channel has gone on where it was
  end
  return true
end
for _, entry in ipairs(redis.call('XRANGE', log, '(' .. ARGV[3] .. '-0', '+')) do
  known[identity(cjson.decode(entry[2][4]))] = true
end
for i = 4, #ARGV do
  local event = cjson.decode(ARGV[i])
  if not known[identity(event)] and still(event) then
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
