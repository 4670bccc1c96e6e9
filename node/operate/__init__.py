"""What an operator does to a running cluster from outside: `chorus drain`, `rebalance`, `doctor`.

    operator   straight to Redis: which nodes there are, orders to them, what they report
    easing     drain, rebalance
    look       what Redis has, and what the nodes say that they have     (reads)
    findings   how the two differ                                        (pure)
    mending    what can be put right, and how                            (writes)
    doctor     look, look again, say, mend

Blocking, with redis-py, and without a node: none has to be well for it. Must not know Twisted.
"""
