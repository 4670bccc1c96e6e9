"""The benchmark: `make bench`, `make bench-quick`. And the counts of work: `make work`.

    __main__ ── cases     what is measured
        │       columns   on which servers ── servers, peers, tutorial
        │       scaling   what more people, and more nodes, cost
        ├── measure ── generator (generator.c)
        └── report ── machine

    work ────── counted   a node that counts what it does
        └────── ledger    what was counted, and compared: work.toml

The benchmark needs Linux and a C compiler. docs/benchmarks.md is what it makes. The counts need
Linux; tests/cluster/test_work.py compares them.
"""
