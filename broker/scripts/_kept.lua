-- Put before the scripts that touch a kept session, {s:SID}: a hash.
-- tokens  those under which its claims and memberships may stand, with spaces between; the last
--         is the one under which it acts
-- secret  SHA-256 of what its holder knows
-- owner   the incarnation of the node that it's on; empty: it's detached
-- turn    how often it was taken up again
-- state   the core's own
-- seen    how far it was told, if that's not as far as its node was: it lags, or is detached
-- record  [nicks, channels], while it's detached    till  ms: it may have been told more until then
-- was     the owner before this one, while it's being taken up
-- gone    nobody may take it up any more

local function acting(tokens)
  return string.match(tokens, '(%S+)$')
end

local function among(tokens, token)
  return string.find(' ' .. tokens .. ' ', ' ' .. token .. ' ', 1, true) ~= nil
end
