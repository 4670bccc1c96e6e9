"""`chorus doctor`: says how Redis and the nodes differ, and puts it right if it's told to.

    look ─ differs? ─> look again ─ differs in the same? ─> say, mend ─> look, and again

What people do meanwhile differs in one look at most.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from node.operate.findings import Finding, findings
from node.operate.look import Look, look
from node.operate.mending import Mender
from node.operate.operator import Operator


class Diagnosis(NamedTuple):
    """How many nodes and sessions there are, how things differ, and what was put right.

    `dead`: nodes that the others are sweeping, or will when there is one. `left`: what differs
    still, if it was to be put right.
    """

    nodes: int
    dead: int
    sessions: int
    found: list[Finding]
    mended: list[Finding]
    left: list[Finding]


def examine(operator: Operator, *, fix: bool) -> Diagnosis:
    """Compare, and `fix` what can be. Raises redis-py's errors."""
    seen, found = _twice(operator)
    sessions = sum(len(answer.sessions) for answer in seen.nodes.values() if answer is not None)
    mended: list[Finding] = []
    left = found
    if fix and found:
        mended = Mender(operator).mend(found)
        _, left = _twice(operator)
    return Diagnosis(len(seen.nodes), len(seen.dying), sessions, found, mended, left)


def _twice(operator: Operator) -> tuple[Look, list[Finding]]:
    """What differs in one look and in the next."""
    seen = look(operator)
    found = list(findings(seen))
    if found:
        seen = look(operator)
        again = set(findings(seen))
        found = [each for each in found if each in again]
    return seen, found


def report(operator: Operator, *, fix: bool, as_json: bool, tell: Callable[[str], None]) -> bool:
    """Examine, and tell what was found, as lines or as JSON. Whether nothing differs any more."""
    diagnosis = examine(operator, fix=fix)
    if as_json:
        said = {
            "nodes": diagnosis.nodes,
            "dead": diagnosis.dead,
            "sessions": diagnosis.sessions,
            "found": [each.as_dict() for each in diagnosis.found],
            "mended": [each.as_dict() for each in diagnosis.mended],
            "left": [each.as_dict() for each in diagnosis.left],
        }
        tell(msgspec.json.format(msgspec.json.encode(said), indent=2).decode())
        return not diagnosis.left
    dead = f", {diagnosis.dead} dead ones to be swept" if diagnosis.dead else ""
    tell(f"{diagnosis.nodes} nodes, {diagnosis.sessions} sessions{dead}")
    for each in diagnosis.found:
        tell(f"differs: {each}")
    for each in diagnosis.mended:
        tell(f"mended: {each.mended}")
    if fix:
        for each in diagnosis.left:
            tell(f"differs still: {each}")
    if not diagnosis.found:
        tell("Redis and the nodes agree")
    elif not diagnosis.left:
        tell("Redis and the nodes agree now")
    elif not fix:
        tell("--fix puts right what can be")
    return not diagnosis.left
