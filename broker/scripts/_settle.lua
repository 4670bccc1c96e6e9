-- Put before the scripts that may be the first to write to a log on another server than its last
-- writer's. `at` in `meta` names the server (see recover.lua) under which the log got its epoch. On another one the log may have lost its end, so before anything new is written
-- what was offered of that end (offer.lua) goes back to where it stood, and the log goes on under
-- a new epoch. `past` says up to which place each of the last epochs is part of it:
-- EPOCH:SEQ, oldest first.

local PAST = 8

-- Up to which seq a log is the one that had this epoch, and under which epoch a place in it was told
-- first, as far as that's known.
local function of_epoch(meta, epoch)
  local about = redis.call('HMGET', meta, 'epoch', 'seq', 'past')
  local known = epoch == about[1] and tonumber(about[2]) or 0
  for former, upto in string.gmatch(about[3] or '', '(%S+):(%d+)') do
    if former == epoch then known = math.max(known, tonumber(upto)) end
  end
  return known
end

local function first_epoch(meta, seq)
  local about = redis.call('HMGET', meta, 'epoch', 'past')
  for former, upto in string.gmatch(about[2] or '', '(%S+):(%d+)') do
    if seq <= tonumber(upto) then return former end
  end
  return about[1]
end

-- What stands at a place of a log, decoded; nil if nothing does.
local function event_at(log, seq)
  local place = string.format('%.0f-0', seq)
  local found = redis.call('XRANGE', log, place, place)[1]
  return found and cjson.decode(found[2][4])
end

-- Puts in the place of an event one that says nothing (events.Unknown), so that no place is missing.
-- A stream keeps the bytes of an entry that is deleted, and takes none but at its end: so the log is
-- written anew, without them.
local function blank(log, seq)
  local place, lasts = string.format('%.0f-0', seq), redis.call('PTTL', log)
  local entries = redis.call('XRANGE', log, '-', '+')
  redis.call('DEL', log)
  for _, entry in ipairs(entries) do
    local body = entry[2][4]
    if entry[1] == place then
      local event = cjson.decode(body)
      body = '["?",' .. cjson.encode(event[2]) .. string.format(',%.0f,', event[3])
        .. cjson.encode(event[4]) .. ']'
    end
    redis.call('XADD', log, entry[1], 'm', entry[2][2], 'e', body)
  end
  if lasts > 0 then redis.call('PEXPIRE', log, lasts) end
end

-- A `Redacted` of what stands at a place, made of what is around that in its encoding; and the place
-- as it was told first.
local function redacted(meta, seq, head, tail, to)
  local place = first_epoch(meta, seq) .. '.' .. string.format('%.0f', seq)
  return head .. '"' .. place .. '"' .. tail .. cjson.encode(to) .. ']', place
end

-- That somebody took something back under this number, if they did: {seq, ms, event}.
local function redaction(log, sid, num)
  local start = '["redacted",' .. cjson.encode(sid) .. ',' .. num .. ','
  for _, entry in ipairs(redis.call('XREVRANGE', log, '+', '-')) do
    if string.sub(entry[2][4], 1, #start) == start then
      return { string.match(entry[1], '^%d+'), entry[2][2], cjson.decode(entry[2][4]) }
    end
  end
end

-- What stood at a place (EPOCH.SEQ), if it's known, was taken back.
local function take_back(meta, log, place)
  local epoch, seq = string.match(place, '^(.*)%.(%d+)$')
  if not seq or tonumber(seq) > of_epoch(meta, epoch) then return end
  local event = event_at(log, tonumber(seq))
  if event and event[1] ~= '?' then blank(log, tonumber(seq)) end
end

-- What an event did to its author's entry and to the channel, when it was accepted first. Who has
-- no entry (they joined in what was lost) gets one without a token, for their node to take.
local function replay(meta, roster, log, seq, ms, body)
  local event = cjson.decode(body)
  local kind, sid, nick = event[1], event[2], event[4]
  if kind == '?' then return end
  local extra = kind == 'said' and type(event[8]) == 'table' and event[8] or {}
  -- a program's (events.PROGRAM), or a session's which was outside (events.Extra)
  if string.sub(sid, 1, 1) == '.' or extra[7] then
    redis.call('HSET', meta, 'spoken', seq)
    return
  end
  if kind == 'left' or kind == 'quit' then
    redis.call('HDEL', roster, sid)
    return
  end
  -- an operator may take back what stands where they aren't; and nobody is in an inbox
  if kind == 'redacted' and not member(roster, sid) then return end
  local m = member(roster, sid) or
    { token = '-', num = 0, flag = 'a', status = '-', seq = seq, nick = nick }
  if kind == 'joined' and type(event[5]) == 'string' then seen_as(m, event[5]) end
  m.num = math.max(m.num, event[3])
  if kind == 'said' or kind == 'tagged' then
    m.flag = 'a'
    redis.call('HSET', meta, 'spoken', seq)
  elseif kind == 'renamed' then
    m.nick = event[5]
  elseif kind == 'altered' and event[5] == 'host' then
    m.status = string.match(m.status, '^[^!]*') .. '!' .. event[6]
  elseif kind == 'topic' then
    redis.call('HSET', meta, 'topic', event[5], 'topic_nick', nick, 'topic_ms', ms)
    redis.call('HSETNX', meta, 'spoken', 0)
  elseif kind == 'invited' then
    redis.call('HSET', meta, 'invites',
      inviting(redis.call('HGET', meta, 'invites'), event[7], true))
  end
  keep(roster, sid, m)
  if kind == 'ruled' then
    enact(meta, roster, event)
  elseif kind == 'kicked' then
    redis.call('HDEL', roster, event[5])
  elseif kind == 'moved' and event[7] == '' then
    redis.call('HSET', meta, 'name', event[6])
  elseif kind == 'moved' then
    depart(meta, roster, log, event, seq)
  end
end

-- `roster`: none for an inbox, where nothing follows from what comes in.
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
      if string.sub(body, 1, 11) == '["redacted"' then take_back(meta, log, cjson.decode(body)[5]) end
      if roster then replay(meta, roster, log, seq, ms, body) end
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
