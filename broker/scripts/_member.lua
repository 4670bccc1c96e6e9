-- Put before every script that touches a roster. A member is one string:
--   TOKEN NUM FLAG STATUS SEQ NICK
-- TOKEN   the secret that alone may act for it
-- NUM     the last command number done here: a retried command happens once (I4)
-- FLAG    'q' quiet: came silently and has said nothing yet; 'a' otherwise
-- STATUS  letters of rank in the channel, '-' for none; then perhaps '!' and USER@HOST
-- SEQ     the place in the log after which the channel is theirs to read

local function member(roster, sid, token)
  local raw = redis.call('HGET', roster, sid)
  if not raw then return nil end
  local held, num, flag, status, seq, nick = string.match(raw, '^(%S+) (%d+) (%a) (%S+) (%d+) (.*)$')
  if token and held ~= token then return nil end
  return { token = held, num = tonumber(num), flag = flag, status = status, seq = seq, nick = nick }
end

local function keep(roster, sid, m)
  redis.call('HSET', roster, sid,
    table.concat({ m.token, string.format('%.0f', m.num), m.flag, m.status, m.seq, m.nick }, ' '))
end

-- The letters of a member's status; nil if there's no such member.
local function letters(m)
  if not m then return nil end
  local found = string.match(m.status, '^[^!]*')
  return found == '-' and '' or found
end

-- Their user@host.
local function by_of(m)
  return string.match(m.status, '!(.*)$') or ''
end

local function stand(m, status, by)
  m.status = (status == '' and '-' or status) .. (by == '' and '' or '!' .. by)
end

local function promote(m, status)
  stand(m, status, by_of(m))
end

local function seen_as(m, by)
  stand(m, letters(m), by)
end

-- What others may know of a member: 'STATUS NICK'.
local function face(raw)
  local status, nick = string.match(raw, '^%S+ %d+ %a (%S+) %d+ (.*)$')
  return status .. ' ' .. nick
end
