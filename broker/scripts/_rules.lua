-- Put before the scripts that do what a channel's rules may forbid, and those that change them.
-- In meta:  law     how often the rules, or the statuses of those who are there, were changed
--           rules   JSON, see broker/rules.py; missing: none
--           invites sids of who was invited, with a space before each; the last ones only
--           closed  the last member left it, and what was said isn't for who comes next
-- Whoever asks has judged by the rules of one law, and by what some sessions were then. If that's
-- another by now, nothing is done; the answer says how it is, and they judge again.

local INVITES = 100

-- {'law', law, rules, the face(see _member) of each of `them`, empty for who isn't a member}
local function as_it_is(meta, roster, them)
  local about = redis.call('HMGET', meta, 'law', 'rules')
  local found = { 'law', about[1] or '0', about[2] or '' }
  for _, sid in ipairs(them) do
    local raw = redis.call('HGET', roster, sid)
    found[#found + 1] = raw and face(raw) or ''
  end
  return found
end

local function is_invited(invites, sid)
  return string.find((invites or '') .. ' ', ' ' .. sid .. ' ', 1, true) ~= nil
end

-- The invitations without one, and perhaps with one more.
local function inviting(invites, sid, more)
  local found, first = {}, 1
  for each in string.gmatch(invites or '', '%S+') do
    if each ~= sid then found[#found + 1] = each end
  end
  if more then found[#found + 1] = sid end
  first = math.max(1, #found - INVITES + 1)
  return #found == 0 and '' or ' ' .. table.concat(found, ' ', first)
end

-- What an event of kind `ruled`, as an array, is about.
local function enact(meta, roster, event)
  redis.call('HSET', meta, 'law', string.format('%.0f', event[5]))
  if event[9] and event[9] ~= '' then redis.call('HSET', meta, 'rules', event[9]) end
  for _, each in ipairs(event[7] or {}) do
    local m = member(roster, each[1])
    if m then
      promote(m, each[2])
      keep(roster, each[1], m)
    end
  end
end

-- Goes by these rules, if they're later than what the channel has.
local function uphold(meta, law, rules)
  if tonumber(law) > tonumber(redis.call('HGET', meta, 'law') or '0') then
    redis.call('HSET', meta, 'law', law, 'rules', rules)
  end
end

-- Nobody is in the channel any more, and its rules end with that. Of one into which not everybody
-- might come, nothing is left for those who come next.
local function lapse(meta)
  local about = redis.call('HMGET', meta, 'law', 'rules', 'invites')
  if not (about[1] or about[3]) then return end
  redis.call('HDEL', meta, 'rules', 'invites')
  if about[1] then redis.call('HSET', meta, 'law', string.format('%.0f', about[1] + 1)) end
  local rules = about[2] and cjson.decode(about[2]) or {}
  if (rules.key or '') ~= '' or string.find(rules.modes or '', 'i', 1, true) then
    redis.call('HDEL', meta, 'spoken', 'topic', 'topic_nick', 'topic_ms')
    redis.call('HSET', meta, 'closed', 1)
  end
end

-- Takes somebody out; how many are left, and the address of the channel's maker if it's gone. A channel that's empty is kept as long as its history; one in
-- which nothing was said is no channel any more, its log stays a moment for who may have to read it.
local function take_out(meta, roster, log, sid, seconds, moment)
  redis.call('HDEL', roster, sid)
  local left = redis.call('HLEN', roster)
  if left > 0 then return left, '' end
  lapse(meta)
  local about = redis.call('HMGET', meta, 'spoken', 'made')
  local kept = about[1] and seconds or moment
  redis.call('EXPIRE', meta, kept)
  redis.call('EXPIRE', log, kept)
  return 0, about[1] and '' or about[2] or ''
end
