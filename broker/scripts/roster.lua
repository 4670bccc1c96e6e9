-- Who is in a channel, exactly.
-- KEYS  meta roster
-- ->    {} if there is no channel, or {name, face(see _member), ...}
local about, members = redis.call('HMGET', KEYS[1], 'name', 'spoken'), redis.call('HVALS', KEYS[2])
if not about[1] or (#members == 0 and not about[2]) then return {} end
local found = { about[1] }
for _, raw in ipairs(members) do found[#found + 1] = face(raw) end
return found
