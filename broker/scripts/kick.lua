-- Takes somebody out of a channel, as somebody else wants.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num deadline(see tell) at(see _settle) law(judged by)
--       status(judged by; '?' no member) target status(judged by) head tail seconds moment
--       (the event is HEAD + the target's nick + TAIL: the roster knows it better than the caller)
-- ->    {'late'}, {'none'} no such channel, as_it_is of both, or {'done'} before,
--       {'done', members left, address of the maker if the channel is gone}
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local me, answer = asks(meta, roster, log)
if answer then return answer end
local target = member(roster, ARGV[10])
if not target or (letters(me) or '?') ~= ARGV[9] or letters(target) ~= ARGV[11]
  or (redis.call('HGET', meta, 'law') or '0') ~= ARGV[8] then
  return as_it_is(meta, roster, { ARGV[3], ARGV[10] })
end
did(roster, me)
append(meta, log, log, ARGV[1], ARGV[2], { ARGV[12] .. cjson.encode(target.nick) .. ARGV[13] })
return { 'done', take_out(meta, roster, log, ARGV[10], ARGV[14], ARGV[15]) }
