-- A channel's rules, and some who are there, of one moment.
-- KEYS  meta roster
-- ARGV  all(1 or 0), then their sids, if it isn't all
-- ->    {'none'} no such channel, or {law, rules, sid, face(see _member), ...} of those who are there
local about = redis.call('HMGET', KEYS[1], 'name', 'spoken', 'law', 'rules')
if not about[1] or (not about[2] and redis.call('HLEN', KEYS[2]) == 0) then return { 'none' } end
local found = { about[3] or '0', about[4] or '' }
if ARGV[1] == '1' then
  local flat = redis.call('HGETALL', KEYS[2])
  for i = 1, #flat, 2 do
    found[#found + 1] = flat[i]
    found[#found + 1] = face(flat[i + 1])
  end
else
  for i = 2, #ARGV do
    local raw = redis.call('HGET', KEYS[2], ARGV[i])
    if raw then
      found[#found + 1] = ARGV[i]
      found[#found + 1] = face(raw)
    end
  end
end
return found
