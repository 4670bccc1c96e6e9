-- Puts a private message into a nick's inbox and hands it to the holder's node.
-- KEYS  claim meta log
-- ARGV  name-as-json lines head epoch deadline retry key sent at(see _settle) tail
--       head, tail: the event, around the session that holds the nick now.
--       deadline: Redis time (ms) until which the author's node is known to hold its lease.
--       A node swept meanwhile can't have its people's words arrive late (I1): sweeping
--       begins after the lease's end, and this write is refused from there on.
--       retry: 1 looks for an event that begins with KEY in the inbox before writing again (I4).
--       sent: not later than the first try (ms); an inbox trimmed since then can't settle it.
-- ->    {'none'}, {'late'}, {'unknown'} or {'ok', nick, away or '', is-away, epoch, seq, ms,
--        the session that holds the nick, 1 if it was written now}
local held = redis.call('HMGET', KEYS[1], 'nick', 'topic', 'away', 'sid', 'token')
if not held[1] or held[5] == '+' then return { 'none' } end -- '+': retained, see claim
settle(KEYS[2], nil, KEYS[3], ARGV[2], ARGV[9])
local done, place = false, nil
if ARGV[6] == '1' then
  local entries = redis.call('XRANGE', KEYS[3], '-', '+')
  for _, entry in ipairs(entries) do
    if string.sub(entry[2][4], 1, #ARGV[7]) == ARGV[7] then
      done, place = true, { redis.call('HGET', KEYS[2], 'epoch'), string.match(entry[1], '^%d+'), entry[2][2] }
    end
  end
  local oldest = entries[1]
  if not done and oldest and oldest[1] ~= '1-0' and tonumber(oldest[2][2]) > tonumber(ARGV[8]) then
    return { 'unknown' }
  end
end
if not done then
  if now() > tonumber(ARGV[5]) then return { 'late' } end
  if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('HSET', KEYS[2], 'epoch', ARGV[4], 'seq', 0, 'at', ARGV[9]) end
  place = append(KEYS[2], KEYS[3], held[2], ARGV[1], ARGV[2], { ARGV[3] .. '"' .. held[4] .. '"' .. ARGV[10] })
end
return { 'ok', held[1], held[3] or '', held[3] and 1 or 0, place[1], place[2], place[3], held[4],
  done and 0 or 1 }
