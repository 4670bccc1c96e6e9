-- Gives a channel another name: the event stands last in its log under the old one, and nobody is in
-- there any more.
-- KEYS  meta roster log moved(see _moving)
-- ARGV  name-as-json lines sid token num deadline(see tell) at(see _settle) law(judged by)
--       status(judged by; '?' no member) id(empty: only the spelling is another) name(as spelled) body
-- ->    {'late'}, {'none'} no such channel, as_it_is of who asks, or {'done'} now or before
local meta, roster, log, id = KEYS[1], KEYS[2], KEYS[3], ARGV[10]
if id ~= '' and redis.call('HEXISTS', KEYS[4], id) == 1 then return { 'done' } end
local me, answer = asks(meta, roster, log)
if answer then return answer end
if (letters(me) or '?') ~= ARGV[9] or (redis.call('HGET', meta, 'law') or '0') ~= ARGV[8] then
  return as_it_is(meta, roster, { ARGV[3] })
end
did(roster, me)
if id == '' then redis.call('HSET', meta, 'name', ARGV[11]) end
local place = append(meta, log, log, ARGV[1], ARGV[2], { ARGV[12] })
if id ~= '' then depart(meta, roster, log, cjson.decode(ARGV[12]), place[2]) end
return { 'done' }
