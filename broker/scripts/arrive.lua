-- A channel has its new name: with its rules, its topic, and everybody who was in it.
-- KEYS  meta roster log
-- ARGV  id(of the move) at(see _settle) state(see _moving) kept-seconds, then for each
--       member: sid entry(see _member)
-- ->    1 done, now or before
local meta, roster, log, id = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local about = redis.call('HMGET', meta, 'berth', 'arrived', 'name', 'seq')
if about[2] == id then return 1 end
local theirs = about[1] ~= id and about[3] and redis.call('HLEN', roster) > 0
if theirs then
  -- the name was lost with what Redis lost, and others came: those who moved come in to them
  redis.call('HSET', meta, 'arrived', id)
else
  local state = cjson.decode(ARGV[3])
  local past = {}
  for each in string.gmatch((state.past or '') .. ' ' .. state.epoch .. ':' .. state.seq, '%S+') do
    past[#past + 1] = each
  end
  redis.call('HDEL', meta, 'berth', 'berth_from', 'berth_ms')
  for _, field in ipairs(STATE) do
    if state[field] then redis.call('HSET', meta, field, state[field]) end
  end
  redis.call('HSET', meta, 'epoch', id, 'seq', state.seq, 'at', ARGV[2], 'name', state.name, 'arrived', id,
    'past', table.concat(past, ' ', math.max(1, #past - PASTS + 1)))
end
for i = 5, #ARGV, 2 do
  if theirs then
    local m = member(roster, ARGV[i])
    if not m then
      redis.call('HSET', roster, ARGV[i], ARGV[i + 1])
      m = member(roster, ARGV[i])
      m.seq = about[4]
      promote(m, '')
      keep(roster, ARGV[i], m)
    end
  else
    redis.call('HSETNX', roster, ARGV[i], ARGV[i + 1])
  end
end
if redis.call('HLEN', roster) > 0 then
  redis.call('PERSIST', meta)
  redis.call('PERSIST', log)
else
  redis.call('EXPIRE', meta, ARGV[4])
  redis.call('EXPIRE', log, ARGV[4])
end
return 1
