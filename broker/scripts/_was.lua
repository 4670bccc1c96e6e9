-- Put before the scripts by which somebody's nick is theirs no more.
-- Writes down who had it: {n:NICK}:was, a stream of the last of them, with
-- n: nick as spelled, o: incarnation of their node, s: since when they were there (ms), a: about (see keys.py)
-- held: what their claim had: sid token nick node since about
-- seconds: for which it's kept; '0': it isn't
local function remember(held, was, seconds)
  if seconds == '0' or not held[3] or held[2] == '+' then return end -- '+': retained, see claim
  redis.call('XADD', was, 'MAXLEN', 10, '*', 'n', held[3], 'o', held[4] or '', 's', held[5] or '0',
    'a', held[6] or '')
  redis.call('EXPIRE', was, seconds)
end
