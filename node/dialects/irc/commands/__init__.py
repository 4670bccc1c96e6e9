"""The verbs of IRC: a table with a row for each."""

from node.dialects.irc.call import Row
from node.dialects.irc.commands import (
    channels,
    messages,
    operators,
    past,
    people,
    policing,
    registration,
    server,
)

COMMANDS: dict[str, Row] = {
    **registration.COMMANDS,
    **channels.COMMANDS,
    **operators.COMMANDS,
    **messages.COMMANDS,
    **people.COMMANDS,
    **past.COMMANDS,
    **policing.COMMANDS,
    **server.COMMANDS,
}
