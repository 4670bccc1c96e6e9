-- Makes a session a member, and the channel if there is none.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num nick body(or '') flag epoch spelling address
--       may-make page history deadline(see tell) at(see _settle)
--       num: 0 if the membership is put back, see broker/recovery.py
-- ->    {'late'}, {'overtaken'} if the member is another node's by now,
--       {'make'} if there is no channel and may-make is 0, else
--       {'ok', epoch, tip, name, total, {nick...}, topic, topic_nick, topic_ms, history, announced}
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local sid, token, num = ARGV[3], ARGV[4], tonumber(ARGV[5])
if now() > tonumber(ARGV[15]) then return { 'late' } end
settle(meta, roster, log, ARGV[2], ARGV[16])
local about = redis.call('HMGET', meta, 'epoch', 'spoken', 'name')
local empty = redis.call('HLEN', roster) == 0
if not about[1] or not about[3] or (empty and not about[2]) then
  if ARGV[12] == '0' then return { 'make' } end
  if not about[1] then redis.call('HSET', meta, 'epoch', ARGV[9], 'seq', 0, 'at', ARGV[16]) end
  redis.call('HSET', meta, 'name', ARGV[10], 'made', ARGV[11])
end
if empty then
  redis.call('PERSIST', meta)
  redis.call('PERSIST', log)
end
local m = member(roster, sid)
-- who has an entry is a member already, perhaps under an old token, perhaps since an attempt
-- whose answer was lost: no event, and what follows from here on is theirs
if m and m.token ~= token and m.token ~= '-' and num > 0 and num <= m.num then return { 'overtaken' } end
local announced = ARGV[7] ~= '' and not m
local tip = redis.call('HGET', meta, 'seq')
keep(roster, sid, { token = token, num = m and math.max(num, m.num) or num, flag = m and m.flag or ARGV[8],
  status = m and m.status or '-', seq = tip, nick = ARGV[6] })
if announced then append(meta, log, log, ARGV[1], ARGV[2], { ARGV[7] }) end
local total, nicks, page = redis.call('HLEN', roster), {}, tonumber(ARGV[13])
if page > 0 then
  local whole = total <= page
  local found = whole and redis.call('HVALS', roster) or redis.call('HSCAN', roster, 0, 'COUNT', page)[2]
  for i = whole and 1 or 2, #found, whole and 1 or 2 do
    if #nicks == page then break end
    nicks[#nicks + 1] = nick_of(found[i])
  end
end
about = redis.call('HMGET', meta, 'epoch', 'name', 'topic', 'topic_nick', 'topic_ms', 'spoken')
return { 'ok', about[1], tip, about[2], total, nicks, about[3] or '', about[4] or '', about[5] or '0',
  spoken(log, about[6], tip, tonumber(ARGV[14])), announced and 1 or 0 }
