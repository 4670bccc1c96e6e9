"""What an operator does to a running cluster from outside, with `chorus top`, `drain`, `doctor`.

    commands   the command line: a row for each
    operator   straight to Redis: which nodes there are, orders to them, what they report

    reading    how everything is: overview, channels, sessions   (reads)
    show       status, nodes, channels, sessions: told once
    top        told again and again; screen: what it shows       (screen: pure)
    tables     sentences and tables; units: numbers              (pure)
    tail       follows a channel's log; following: the rules     (following: pure)

    easing     drain, rebalance
    look       what Redis has, and what the nodes say that they have     (reads)
    findings   how the two differ                                        (pure)
    mending    what can be put right, and how                            (writes)
    doctor     look, look again, say, mend

Blocking, with redis-py, and without a node: none has to be well for it. Must not know Twisted.
"""
