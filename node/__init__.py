"""One process of a chorus cluster: what people connect to, and the command line.

`service` puts the parts together; `core` is what chat means, `dialects` how it's spoken,
`net` and `http` the sockets. The node imports the broker; the broker never imports the node.
"""

__version__ = "0.1.0"
