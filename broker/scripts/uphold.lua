-- Makes a channel go by what a node knows of it, where Redis has lost that.
-- KEYS  meta roster
-- ARGV  law rules, then for each: sid token status
-- ->    1 done, 0 the channel goes by a later law, or is none
local law = tonumber(redis.call('HGET', KEYS[1], 'law') or '0')
if tonumber(ARGV[1]) < law or redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end
uphold(KEYS[1], ARGV[1], ARGV[2])
for i = 3, #ARGV, 3 do
  local m = member(KEYS[2], ARGV[i], ARGV[i + 1])
  if m and letters(m) ~= ARGV[i + 2] then
    promote(m, ARGV[i + 2])
    keep(KEYS[2], ARGV[i], m)
  end
end
return 1
