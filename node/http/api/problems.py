"""What may be wrong with a request: for each code of the chat and of operators' acts, a status and
words.
"""

from collections.abc import Mapping

from broker.api import Code, Refused
from node.acts import Failed
from node.http.access import Denied

AGAIN = ("Retry-After", "2")

_REFUSED: Mapping[Code, tuple[int, str]] = {
    Code.NO_SUCH_CHANNEL: (404, "there is no channel {about}"),
    Code.NO_SUCH_NICK: (404, "nobody is called {about}"),
    Code.CHANNEL_INVALID: (
        422,
        "{about} can't be a channel: # and 1 to 50 printable characters, no space and no comma",
    ),
    Code.AWAY: (503, "the broker is away; that was not done"),
    Code.BUSY: (503, "the server can't do that now; that was not done"),
    Code.CUT_OFF: (503, "the node had been cut off; that was not done"),
    Code.UNSETTLED: (504, "the broker was lost meanwhile; it is not known whether that was done"),
}

_FAILED: Mapping[str, int] = {
    "no-such-node": 404,
    "no-such-nick": 404,
    "not-banned": 404,
    "not-connected": 409,
    "reckless": 409,
    "too-many-bans": 409,
    "moved": 409,
    "not-taken": 504,
}
"""What isn't here is wrong with what was given: 422."""


def of_chat(refused: Refused) -> Denied:
    """As it's told over HTTP."""
    status, says = _REFUSED.get(refused.code, (422, "{about}: " + refused.code.value))
    headers = [AGAIN] if status == 503 else []
    return Denied(status, refused.code.value, says.format(about=refused.about), headers)


def of_act(failed: Failed) -> Denied:
    """As it's told over HTTP."""
    return Denied(_FAILED.get(failed.error, 422), failed.error, failed.says)
