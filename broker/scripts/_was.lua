-- Put before the scripts by which somebody's nick is theirs no more.
-- Writes down who had it: {n:NICK}:was, a stream of the last of them, with
-- n: nick as spelled, o: incarnation of their node, s: since when they were there (ms), a: about (see keys.py)
-- seconds: for which it's kept; '0': it isn't
local function remember(claim, was, seconds)
  if seconds == '0' then return end
  local held = redis.call('HMGET', claim, 'nick', 'node', 'since', 'about', 'token')
  if not held[1] or held[5] == '+' then return end -- '+': retained, see claim
  redis.call('XADD', was, 'MAXLEN', 10, '*', 'n', held[1], 'o', held[2] or '', 's', held[3] or '0',
    'a', held[4] or '')
  redis.call('EXPIRE', was, seconds)
end
