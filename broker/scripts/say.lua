-- Lines said in one channel, all that a turn of a node produced, in their order.
-- KEYS  meta roster log
-- ARGV  name-as-json lines law(judged by; '' not judged), then for each line: sid token num body
-- ->    a string with a digit per line: 0 done, 1 done before, 2 not a member; or as_it_is of all
--       authors, in the order in which they come first, and nothing is done
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
local members, authors, bodies, codes = {}, {}, {}, {}
for i = 4, #ARGV, 4 do
  local sid, token, num = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local m = members[sid]
  if not m then
    m = member(roster, sid) or { token = '' }
    members[sid] = m
    authors[#authors + 1] = sid
  end
  if m.token ~= token then
    codes[#codes + 1] = '2'
  elseif num <= m.num then
    codes[#codes + 1] = '1'
  else
    m.num, m.flag, m.spoke = num, 'a', true
    bodies[#bodies + 1] = ARGV[i + 3]
    codes[#codes + 1] = '0'
  end
end
if #bodies > 0 then
  local head = redis.call('HMGET', meta, 'epoch', 'seq', 'law')
  if ARGV[3] ~= '' and (head[3] or '0') ~= ARGV[3] then
    return as_it_is(meta, roster, authors)
  end
  for sid, m in pairs(members) do
    if m.spoke then keep(roster, sid, m) end
  end
  append(meta, log, log, ARGV[1], ARGV[2], bodies, 'spoken', head)
end
return table.concat(codes)
