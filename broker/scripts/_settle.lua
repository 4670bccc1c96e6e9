-- Put before the scripts that may be the first to write to a log on another server than its last
-- writer's. `at` in `meta` names the server (see recover.lua) under which the log got its epoch. On another one the log may have lost its end, so before anything new is written
-- what was offered of that end (offer.lua) goes back to where it stood, and the log goes on under
-- a new epoch. `past` says up to which place each of the last epochs is part of it:
-- EPOCH:SEQ, oldest first.

local PAST = 8

-- What an event did to its author's entry and to the channel, when it was accepted first. Who has
-- no entry (they joined in what was lost) gets one without a token, for their node to take.
local function replay(meta, roster, seq, ms, body)
  local event = cjson.decode(body)
  local kind, sid, nick = event[1], event[2], event[4]
  if kind == 'told' then return end
  if string.sub(sid, 1, 1) == '.' then  -- a program's (events.PROGRAM), which is no member
    redis.call('HSET', meta, 'spoken', seq)
    return
  end
  if kind == 'left' or kind == 'quit' then
    redis.call('HDEL', roster, sid)
    return
  end
  local m = member(roster, sid) or
    { token = '-', num = 0, flag = 'a', status = '-', seq = seq, nick = nick }
  m.num = math.max(m.num, event[3])
  if kind == 'said' then
    m.flag = 'a'
    redis.call('HSET', meta, 'spoken', seq)
  elseif kind == 'renamed' then
    m.nick = event[5]
  elseif kind == 'topic' then
    redis.call('HSET', meta, 'topic', event[5], 'topic_nick', nick, 'topic_ms', ms)
    redis.call('HSETNX', meta, 'spoken', 0)
  end
  keep(roster, sid, m)
end

local function settle(meta, roster, log, lines, at)
  if at == '' or redis.call('HGET', meta, 'at') == at then return end
  local flat, about, offered = redis.call('HGETALL', meta), {}, {}
  for i = 1, #flat, 2 do
    if string.match(flat[i], '^%d+$') then
      offered[#offered + 1] = flat[i]
    end
    about[flat[i]] = flat[i + 1]
  end
  if not about.epoch then return end
  local tip = tonumber(about.seq)
  table.sort(offered, function(one, other) return tonumber(one) < tonumber(other) end)
  for _, seq in ipairs(offered) do
    if tonumber(seq) > tip then
      local ms, body = string.match(about[seq], '^(%d+) (.*)$')
      redis.call('XADD', log, 'MAXLEN', '~', lines, seq .. '-0', 'm', ms, 'e', body)
      replay(meta, roster, seq, ms, body)
    end
    redis.call('HDEL', meta, seq)
  end
  tip = string.format('%.0f', math.max(tip, tonumber(about.offered or '0')))
  local past, said = {}, (about.past or '') .. ' ' .. about.epoch .. ':' .. tip
  if about.later then said = said .. ' ' .. about.later .. ':' .. tip end
  for each in string.gmatch(said, '%S+') do past[#past + 1] = each end
  redis.call('HDEL', meta, 'offered', 'later', 'known')
  redis.call('HSET', meta, 'epoch', string.sub(redis.sha1hex(about.epoch .. at), 1, 12),
    'seq', tip, 'at', at, 'past', table.concat(past, ' ', math.max(1, #past - PAST + 1)))
end
