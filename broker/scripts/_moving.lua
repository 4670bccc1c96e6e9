-- Put before the scripts in which a channel gets another name (docs/adr/0027). Beside its meta:
-- moved      hash: id of a move away from here -> the name (folded) to which that went; `last`: ID SEQ
--            MS NAME of the last one
-- left:ID    hash: the roster as it was then, and under an empty field what else the channel had, JSON;
--            under `.` that all of it has arrived
-- The id is also the epoch of the log under the new name. Both keys outlive whoever has to ask there
-- where somebody went.

local PASTS = 8  -- as in _settle
local LEFT = 172800  -- seconds: longer than sessions are kept
local STATE = { 'epoch', 'past', 'law', 'rules', 'topic', 'topic_nick', 'topic_ms', 'made', 'invites',
  'spoken', 'created' }

local function clock()
  local t = redis.call('TIME')
  return string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end

local function beside(meta, name) return string.sub(meta, 1, -5) .. name end

-- What a channel that moved away leaves at its old name: nothing but its log, which may still have to be
-- read, and goes on if others come. `event`: its `moved`, which stands at `seq`.
local function depart(meta, roster, log, event, seq)
  local new, id = string.lower(event[6]), event[7]
  local moved, left = beside(meta, 'moved'), beside(meta, 'left:' .. id)
  local about, state = redis.call('HMGET', meta, unpack(STATE)), { seq = seq, name = event[6] }
  for i, field in ipairs(STATE) do state[field] = about[i] or nil end
  if redis.call('EXISTS', roster) == 1 then redis.call('RENAME', roster, left) end
  redis.call('HSET', left, '', cjson.encode(state))
  redis.call('EXPIRE', left, LEFT)
  redis.call('HSET', moved, id, new, 'last', table.concat({ id, seq, clock(), new }, ' '))
  redis.call('EXPIRE', moved, LEFT)
  redis.call('HDEL', meta, 'name', 'rules', 'topic', 'topic_nick', 'topic_ms', 'made', 'invites', 'spoken',
    'created', 'closed')
  redis.call('HSET', meta, 'law', string.format('%.0f', (about[3] or 0) + 1))
  redis.call('EXPIRE', meta, LEFT)
  redis.call('EXPIRE', log, LEFT)
end

-- Who comes here now reads nothing of a channel that moved away before; its nodes may still have to read
-- that it did.
local function begin_after(meta, log)
  local seq = string.match(redis.call('HGET', beside(meta, 'moved'), 'last') or '', '^%S+ (%d+)')
  if seq then redis.call('XTRIM', log, 'MINID', seq .. '-0') end
end
