-- Makes a session a member, and the channel if there is none.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token num nick body(or '') flag epoch spelling address
--       may-make page history deadline(see tell) at(see _settle) by law invited limit
--       founder rules restored-law restored-rules restored-status
--       num: 0 if the membership is put back, see broker/recovery.py
--       law: judged by; '' not judged. invited: 1 or 0, judged by. limit: how many may be there; 0: any
--       founder, rules: the status of who comes into an empty channel, and its rules ('': none)
--       restored-law: '' unless they were there when Redis lost it; then what they had
-- ->    {'late'}, {'overtaken'} if the member is another node's by now,
--       {'make'} if there is no channel and may-make is 0, {'full'},
--       {'berth', id, from} if the name is held for a channel that is about to have it, see berth,
--       {'law', law, rules, invited(1 or 0)} if that's not what was judged by, else
--       {'ok', epoch, tip, name, total, {face(see _member)...}, topic, topic_nick, topic_ms, history,
--        announced, status, law, rules}
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local sid, token, num = ARGV[3], ARGV[4], tonumber(ARGV[5])
if now() > tonumber(ARGV[15]) then return { 'late' } end
settle(meta, roster, log, ARGV[2], ARGV[16])
local berth = redis.call('HMGET', meta, 'berth', 'berth_from')
if berth[1] then return { 'berth', berth[1], berth[2] } end
local about = redis.call('HMGET', meta, 'epoch', 'spoken', 'name', 'law', 'invites', 'closed', 'seq')
local there = redis.call('HLEN', roster)
local empty, invited, restored = there == 0, is_invited(about[5], sid), ARGV[23] ~= ''
local m = member(roster, sid)
if not (empty or m or restored or ARGV[18] == '') then
  if (about[4] or '0') ~= ARGV[18] or (invited and '1' or '0') ~= ARGV[19] then
    local rules = redis.call('HGET', meta, 'rules')
    return { 'law', about[4] or '0', rules or '', invited and 1 or 0 }
  end
  if ARGV[20] ~= '0' and there >= tonumber(ARGV[20]) then return { 'full' } end
end
if not about[1] or not about[3] or (empty and not about[2]) then
  if ARGV[12] == '0' then return { 'make' } end
  if not about[1] then redis.call('HSET', meta, 'epoch', ARGV[9], 'seq', 0, 'at', ARGV[16]) end
  redis.call('HSET', meta, 'name', ARGV[10], 'made', ARGV[11], 'created', string.format('%.0f', now()))
  if about[6] then  -- what was said here isn't for those who come now
    redis.call('XTRIM', log, 'MAXLEN', 0)
    redis.call('HDEL', meta, 'closed')
  end
  begin_after(meta, log)
end
if empty then
  redis.call('PERSIST', meta)
  redis.call('PERSIST', log)
end
-- who has an entry is a member already, perhaps under an old token, perhaps since an attempt
-- whose answer was lost: no event, and what follows from here on is theirs
if m and m.token ~= token and m.token ~= '-' and num > 0 and num <= m.num then return { 'overtaken' } end
local announced = ARGV[7] ~= '' and not m
local tip = about[1] and about[7] or '0'
local mine = { token = token, num = m and math.max(num, m.num) or num, flag = m and m.flag or ARGV[8],
  status = m and m.status or '-', seq = tip, nick = ARGV[6] }
seen_as(mine, ARGV[17])
if restored then
  uphold(meta, ARGV[23], ARGV[24])
  promote(mine, ARGV[25])
elseif empty then
  promote(mine, ARGV[21])
  if ARGV[22] ~= '' then
    redis.call('HSET', meta, 'law', string.format('%.0f', (about[4] or 0) + 1), 'rules', ARGV[22])
  end
end
if invited then redis.call('HSET', meta, 'invites', inviting(about[5], sid)) end
keep(roster, sid, mine)
if announced then append(meta, log, log, ARGV[1], ARGV[2], { ARGV[7] }) end
local total, nicks, page = redis.call('HLEN', roster), {}, tonumber(ARGV[13])
if page > 0 then
  local whole = total <= page
  local found = whole and redis.call('HVALS', roster) or redis.call('HSCAN', roster, 0, 'COUNT', page)[2]
  for i = whole and 1 or 2, #found, whole and 1 or 2 do
    if #nicks == page then break end
    nicks[#nicks + 1] = face(found[i])
  end
end
about = redis.call('HMGET', meta, 'epoch', 'name', 'topic', 'topic_nick', 'topic_ms', 'spoken', 'law', 'rules')
return { 'ok', about[1], tip, about[2], total, nicks, about[3] or '', about[4] or '', about[5] or '0',
  spoken(log, about[6], tip, tonumber(ARGV[14]), ''), announced and 1 or 0, letters(mine),
  about[7] or '0', about[8] or '' }
