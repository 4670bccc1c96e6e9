-- Changes a channel's rules, or the statuses of some who are there, in one step.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num deadline(see tell) at(see _settle) law(judged by)
--       body, then for each whom it's about, who asks first: sid status(judged by; '?' no member)
-- ->    {'late'}, {'none'} no such channel, {'done'} (now or before), or as_it_is of them all
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local me, answer = asks(meta, roster, log)
if answer then return answer end
local them, same = {}, (redis.call('HGET', meta, 'law') or '0') == ARGV[8]
for i = 10, #ARGV, 2 do
  them[#them + 1] = ARGV[i]
  same = same and (letters(member(roster, ARGV[i])) or '?') == ARGV[i + 1]
end
if not same then return as_it_is(meta, roster, them) end
did(roster, me)
enact(meta, roster, cjson.decode(ARGV[9]))
append(meta, log, log, ARGV[1], ARGV[2], { ARGV[9] })
return { 'done' }
