"""What chat means: sessions, channels, commands. Pure: no Twisted, no sockets, no Redis client.

    bytes ─ Dialect.parse ─> Command ─ lane ─> verb ─> Broker
    Broker ─> hub ─ who here is a member ─> Dialect.render ─> outbox

Time, randomness and what runs coroutines are passed in.
"""
