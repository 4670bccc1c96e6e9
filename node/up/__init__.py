"""`chorus up`: a whole cluster on one machine, out of processes.

    command ──> supervisor ──> child (a node) × N
       └──> broker.embedded <────┘ (a lifeline: Redis ends after the last node)

Without Twisted: what it does is wait. It must not know what nodes say to Redis or to people.
"""
