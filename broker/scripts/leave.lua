#!lua flags=allow-oom
-- Takes a session out of a channel.
-- KEYS  meta roster log
-- ARGV  name-as-json lines sid token tell head tail seconds moment at(see _settle)
--       tell: 'always', 'loud' (not if the member is quiet) or 'never'
--       (the event is HEAD + nick + TAIL + user@host + ']': the roster knows both better than the
--       caller)
-- ->    {2} not a member, or {0, told, members left, address of the maker if the channel is gone}
local meta, roster, log = KEYS[1], KEYS[2], KEYS[3]
settle(meta, roster, log, ARGV[2], ARGV[10])
-- who was put back without a token (see _settle) is whoever knows their sid
local m = member(roster, ARGV[3], ARGV[4]) or member(roster, ARGV[3], '-')
if not m then return { 2 } end
local told = 0
if ARGV[5] == 'always' or (ARGV[5] == 'loud' and m.flag == 'a') then
  append(meta, log, log, ARGV[1], ARGV[2],
    { ARGV[6] .. cjson.encode(m.nick) .. ARGV[7] .. cjson.encode(by_of(m)) .. ']' })
  told = 1
end
return { 0, told, take_out(meta, roster, log, ARGV[3], ARGV[8], ARGV[9]) }
