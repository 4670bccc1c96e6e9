-- Put before every script that writes to a log: a channel's, or a nick's inbox.
-- Every event gets the next seq; entry ids are SEQ-0, so that a reader finds its place
-- whatever the clock did. All events of one call travel in one envelope.

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Writes the bodies and publishes them to `topic`; the seq of the last is also kept under
-- `mark` in `meta`, if that's given. `head`: {epoch, seq} of `meta`, if they were read already.
-- Returns {epoch, seq of the last, ms}.
local function append(meta, log, topic, name, lines, bodies, mark, head)
  head = head or redis.call('HMGET', meta, 'epoch', 'seq')
  local seq, ms = tonumber(head[2]), string.format('%.0f', now())
  local first = string.format('%.0f', seq + 1)
  for _, body in ipairs(bodies) do
    seq = seq + 1
    redis.call('XADD', log, 'MAXLEN', '~', lines, string.format('%.0f-0', seq), 'm', ms, 'e', body)
  end
  local last = string.format('%.0f', seq)
  redis.call('HSET', meta, 'seq', last, mark or 'seq', last)
  redis.call('PUBLISH', topic, '[1,' .. name .. ',"' .. head[1] .. '",' .. first .. ',' .. ms
    .. ',[' .. table.concat(bodies, ',') .. ']]')
  return { head[1], last, ms }
end
