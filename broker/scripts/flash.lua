-- Shows tags of a moment to whoever hears the channel now; they're kept nowhere, and have no place.
-- KEYS  meta roster log
-- ARGV  name-as-json sid token law(judged by; '' not judged) body
-- ->    0 done, 2 not a member, or as_it_is of who asks
if not member(KEYS[2], ARGV[2], ARGV[3]) then return 2 end
if ARGV[4] ~= '' and (redis.call('HGET', KEYS[1], 'law') or '0') ~= ARGV[4] then
  return as_it_is(KEYS[1], KEYS[2], { ARGV[2] })
end
redis.call('PUBLISH', KEYS[3], fleeting(ARGV[1], ARGV[5]))
return 0
