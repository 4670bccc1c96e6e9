"""Everything about Redis: key names, scripts, connections, the feed, presence.

`broker.api`, `broker.events` and `broker.names` are the interface: what the rest of
chorus may know. `broker.cluster` keeps the promises with Redis, `broker.memory` keeps
the same ones in a dictionary, for tests. The broker never imports the node.
"""
