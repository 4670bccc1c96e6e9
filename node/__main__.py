"""`python -m node`: the same as the command `chorus`."""

from node.main import main

main(prog_name="chorus")
