-- Notes again who was invited into a channel, where Redis has lost that. Who is in it needs it no more.
-- KEYS  meta roster
-- ARGV  sids
-- ->    1 done, 0 there's no such channel
local meta, roster = KEYS[1], KEYS[2]
if redis.call('HLEN', roster) == 0 then return 0 end
local invites = redis.call('HGET', meta, 'invites')
for _, sid in ipairs(ARGV) do
  if not member(roster, sid) and not is_invited(invites, sid) then invites = inviting(invites, sid, true) end
end
if invites then redis.call('HSET', meta, 'invites', invites) end
return 1
