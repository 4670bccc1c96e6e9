#!lua flags=allow-oom
-- Notes how many connections an address has open on a node, if all together aren't too many.
-- KEYS  connections(of the address): hash, incarnation -> how many
-- ARGV  incarnation how-many most(0: any number) seconds-kept living(incarnations, if asked)...
-- ->    1 noted, 0 too many: nothing has changed. Of nodes that don't live nothing is kept.
local total, living = tonumber(ARGV[2]), {}
for i = 5, #ARGV do living[ARGV[i]] = true end
if #ARGV > 4 then
  local held = redis.call('HGETALL', KEYS[1])
  for i = 1, #held, 2 do
    if not living[held[i]] then redis.call('HDEL', KEYS[1], held[i])
    elseif held[i] ~= ARGV[1] then total = total + tonumber(held[i + 1]) end
  end
end
if ARGV[3] ~= '0' and total > tonumber(ARGV[3]) then return 0 end
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
end
return 1
