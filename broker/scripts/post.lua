-- Puts a line of who is no member into a channel's log: a program's, which has a name that none can
-- have (see docs/adr/0016), or a session's.
-- KEYS  meta roster log memo
-- ARGV  name-as-json lines body digest(of the text) memo-seconds kept-seconds again(1 or 0)
--       at(see _settle), and of a session: deadline(see tell) law(judged by)
--       memo: what was done under the author's key; again: this may have been done, and the memo
--       lost in a failover that put the line back
-- ->    {'none'} no such channel, or {'ok', epoch, seq, ms, 1 if it's done now, digest};
--       of a session: {'late'}, or as_it_is
local meta, roster, log, memo = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local done = redis.call('GET', memo)
if done then
  local epoch, seq, ms, digest = string.match(done, '^(%S+) (%d+) (%d+) (%S+)$')
  return { 'ok', epoch, seq, ms, 0, digest }
end
if ARGV[9] and now() > tonumber(ARGV[9]) then return { 'late' } end
settle(meta, roster, log, ARGV[2], ARGV[8])
local about = redis.call('HMGET', meta, 'epoch', 'name', 'spoken')
local empty = redis.call('HLEN', roster) == 0
if not about[1] or not about[2] or (empty and not about[3]) then return { 'none' } end
if ARGV[10] and (redis.call('HGET', meta, 'law') or '0') ~= ARGV[10] then
  return as_it_is(meta, roster, {})
end
local place, fresh = nil, 1
if ARGV[7] == '1' then
  for _, entry in ipairs(redis.call('XRANGE', log, '-', '+')) do
    if entry[2][4] == ARGV[3] then
      place, fresh = { about[1], string.match(entry[1], '^%d+'), entry[2][2] }, 0
    end
  end
end
place = place or append(meta, log, log, ARGV[1], ARGV[2], { ARGV[3] }, 'spoken')
redis.call('SET', memo, table.concat({ place[1], place[2], place[3], ARGV[4] }, ' '), 'EX', ARGV[5])
if empty then
  redis.call('EXPIRE', meta, ARGV[6])
  redis.call('EXPIRE', log, ARGV[6])
end
return { 'ok', place[1], place[2], place[3], fresh, ARGV[4] }
