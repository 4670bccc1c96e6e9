-- Puts a membership under its session's new token, on the node that took the session up.
-- KEYS  meta roster
-- ARGV  sid tokens(before) token deadline(see tell) num(that all its own come after)
-- ->    {'gone'}, {'late'} or {'ok', epoch, tip, name, flag, nick, seq after which it's theirs,
--       status, law, rules}
local m = member(KEYS[2], ARGV[1])
-- who was put back without a token (see _settle) is whoever knows their sid
if not m or not among(ARGV[2] .. ' ' .. ARGV[3] .. ' -', m.token) then return { 'gone' } end
if now() > tonumber(ARGV[4]) then return { 'late' } end
m.token, m.num = ARGV[3], math.max(m.num, tonumber(ARGV[5]))
keep(KEYS[2], ARGV[1], m)
local about = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'name', 'law', 'rules')
return { 'ok', about[1], about[2], about[3], m.flag, m.nick, m.seq, letters(m), about[4] or '0', about[5] or '' }
