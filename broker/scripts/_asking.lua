-- Put before the scripts that do what somebody may ask who needn't be a member of the channel.

-- Begins what somebody asks who may be a member, with ARGV as in rule.lua: their entry, or nil, and
-- an answer, if that's all.
local function asks(meta, roster, log)
  if now() > tonumber(ARGV[6]) then return nil, { 'late' } end
  settle(meta, roster, log, ARGV[2], ARGV[7])
  local about = redis.call('HMGET', meta, 'epoch', 'name', 'spoken')
  if not about[1] or not about[2] or (not about[3] and redis.call('HLEN', roster) == 0) then
    return nil, { 'none' }
  end
  local me = member(roster, ARGV[3], ARGV[4])
  if me and tonumber(ARGV[5]) <= me.num then return me, { 'done' } end
  return me
end

-- They have done it.
local function did(roster, me)
  if me then
    me.num = tonumber(ARGV[5])
    keep(roster, ARGV[3], me)
  end
end

