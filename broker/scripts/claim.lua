-- Claims a nick, or spells it anew for the session that holds it.
-- Two hold one nick if Redis went back behind a change of hands, or forgot it: then whoever has it longer
-- keeps it.
-- KEYS  claim meta log was watch(topic)
-- ARGV  sid token nick node topic since is-away why deadline(see tell) claimed
--       claimed: when the session was given the nick, if it was (Redis's clock, ms), else 0
--       asking: 1: who has it for a shorter time is asked to give it back, 0: it's taken from them
--       retained: seconds after which it's free again, if its session isn't opened before; 0: that's done now
--       about: what is known of them, JSON
--       came: an envelope for who watches the nick (empty: nobody is told)
--       remembered: seconds for which it's kept who had it before, if it's taken from them
-- ->    {'taken'}, {'late'}, {'asked'} or
--       {'ok', epoch, seq of the inbox's tip when the nick was taken, claimed}
local held = redis.call('HMGET', KEYS[1], 'sid', 'token', 'nick', 'node', 'since', 'about',
  'claimed', 'topic', 'epoch', 'seq')
local since, retained = tonumber(ARGV[10]), held[2] == '+'
-- one's own claim, if Redis went back behind a change of token, or if it was retained
local own = held[1] == ARGV[1] and (held[2] == ARGV[2] or since > 0)
local other = held[1] and not own
if other and (since == 0 or since >= tonumber(held[7] or '0')) then return { 'taken' } end
local ms = now()
if ms > tonumber(ARGV[9]) then return { 'late' } end
if other and not retained then
  if ARGV[11] == '1' then
    redis.call('PUBLISH', held[8], '[1,"",' .. cjson.encode('yield ' .. ARGV[3]) .. ',0,0,[]]')
    return { 'asked' }
  end
  redis.call('PUBLISH', held[8], '[1,"","lost",0,0,[]]')
end
if other then
  remember(held, KEYS[4], ARGV[15])
  redis.call('DEL', KEYS[1])
end
local claim = { 'sid', ARGV[1], 'token', ARGV[2], 'nick', ARGV[3], 'node', ARGV[4],
  'topic', ARGV[5], 'since', ARGV[6], 'about', ARGV[13] }
local function put(field, value)
  claim[#claim + 1], claim[#claim + 2] = field, value
end
if ARGV[7] == '1' then put('away', ARGV[8]) end
local epoch, seq, claimed = held[9], held[10], held[7]
if not own or retained then
  local tip = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
  epoch, seq = tip[1] or '', tip[2] or '0'
  claimed = since > 0 and ARGV[10] or string.format('%.0f', ms)
  put('epoch', epoch)
  put('seq', seq)
  put('claimed', claimed)
end
redis.call('HSET', KEYS[1], unpack(claim))
redis.call('PERSIST', KEYS[2])
redis.call('PERSIST', KEYS[3])
if ARGV[12] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[12])
elseif retained then
  redis.call('PERSIST', KEYS[1])
end
if ARGV[14] ~= '' then redis.call('PUBLISH', KEYS[5], ARGV[14]) end
return { 'ok', epoch, seq, claimed or '0' }
