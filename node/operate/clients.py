"""redis-py's clients for operators' commands: of one Redis, of whichever server sentinels name, or
of a Redis Cluster.

Nothing is asked of Redis before its first use, except that a client of a Redis Cluster has asked
where the slots are. Must not know what is asked.
"""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import ClusterDownError, MasterDownError, RedisClusterException
from redis.retry import Retry

from broker.address import Address, Seeds, Sentinels, Where

ANSWER = 5.0
"""Seconds within which Redis must answer."""

OTHERS = 2
"""How many servers of a Redis Cluster are asked instead of one that doesn't answer."""

AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    MasterDownError,
    ClusterDownError,
    RedisClusterException,  # some slots are nobody's
)
"""redis-py's errors that say so: later it may be there again."""


def client(where: Where, *, patient: bool = True) -> Any:
    """A client of what is there. `patient`: whether what fails is tried again for a while.

    Raises redis-py's errors.
    """
    options: dict[str, Any] = {
        "socket_timeout": ANSWER,
        "driver_info": None,  # CLIENT SETINFO: Redis 7.0 doesn't know it
    }
    if not patient:  # of a Redis Cluster another server is asked
        options["retry"] = Retry(NoBackoff(), OTHERS if isinstance(where, Seeds) else 0)
    match where:
        case Seeds():
            seeds = [ClusterNode(*place) for place in where.places]  # type: ignore[no-untyped-call]
            try:
                return redis.RedisCluster(startup_nodes=seeds, **options, **_access(where.to))
            except RedisClusterException as e:  # which isn't a RedisError
                raise redis.ConnectionError(str(e)) from None
        case Sentinels():
            ways = {**options, **_access(where.sentinel)}
            sentinels = redis.Sentinel(where.places, sentinel_kwargs=ways)  # type: ignore[no-untyped-call]
            options |= {"db": where.to.db, **_access(where.to)}
            return sentinels.master_for(where.service, **options)  # type: ignore[no-untyped-call]
    place: dict[str, Any] = {"host": where.host, "port": where.port}
    if where.path:
        place = {"unix_socket_path": where.path}
    return redis.Redis(db=where.db, **place, **options, **_access(where))


def home(client: Any, key: str) -> Any:
    """A client of the one server that has a key, for what isn't asked by key: it may be the same.

    Good until the key moves.
    """
    if isinstance(client, redis.RedisCluster):
        node = client.get_node_from_key(key)  # type: ignore[no-untyped-call]
        return client.get_redis_connection(node)
    return client


def masters(client: Any) -> dict[str, Any]:
    """A client of each master of a Redis Cluster, by its HOST:PORT; empty if Redis is one."""
    if not isinstance(client, redis.RedisCluster):
        return {}
    nodes = client.get_primaries()  # type: ignore[no-untyped-call]
    return {node.name: client.get_redis_connection(node) for node in nodes}


def _access(to: Address) -> dict[str, Any]:
    """Who we are, and how it's kept secret."""
    access: dict[str, Any] = {
        "username": to.username or None,
        "password": to.password or None,
    }
    if not to.path:
        access["ssl"] = to.tls
    if to.tls:
        access |= {
            "ssl_ca_certs": to.authorities or None,
            "ssl_certfile": to.certificate or None,
            "ssl_keyfile": to.key or None,
        }
    return access
