-- KEYS  bans version
-- ->    {version, {network, ban, ...}}
return { redis.call('GET', KEYS[2]) or '0', redis.call('HGETALL', KEYS[1]) }
