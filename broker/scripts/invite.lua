-- Notes that somebody may come into a channel, and tells those who are there.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num deadline(see tell) at(see _settle) law(judged by)
--       status(judged by; '?' no member) guest(sid) head tail
--       (the event is HEAD + the channel's name + TAIL)
-- ->    {'late'}, {'none'} no such channel, or nobody is there; as_it_is of who asks;
--       {'there', name} the guest is a member, or {'done', name} now or before
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local me, answer = asks(meta, roster, log)
local about = redis.call('HMGET', meta, 'name', 'law', 'invites')
if answer then return { answer[1], about[1] or '' } end
if redis.call('HLEN', roster) == 0 then return { 'none' } end
if member(roster, ARGV[10]) then return { 'there', about[1] } end
if (letters(me) or '?') ~= ARGV[9] or (about[2] or '0') ~= ARGV[8] then
  return as_it_is(meta, roster, { ARGV[3] })
end
-- who isn't a member has no number here by which this would be known to be done
if me or not is_invited(about[3], ARGV[10]) then
  did(roster, me)
  redis.call('HSET', meta, 'invites', inviting(about[3], ARGV[10], true))
  append(meta, log, log, ARGV[1], ARGV[2], { ARGV[11] .. cjson.encode(about[1]) .. ARGV[12] })
end
return { 'done', about[1] }
