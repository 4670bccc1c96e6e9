"""The verbs of IRC: a table with a row for each."""

from node.dialects.irc.call import Row
from node.dialects.irc.commands import (
    batches,
    channels,
    help,
    messages,
    operators,
    opers,
    past,
    people,
    registration,
    server,
)

COMMANDS: dict[str, Row] = {
    **registration.COMMANDS,
    **channels.COMMANDS,
    **operators.COMMANDS,
    **messages.COMMANDS,
    **batches.COMMANDS,
    **people.COMMANDS,
    **past.COMMANDS,
    **opers.COMMANDS,
    **server.COMMANDS,
}
COMMANDS.update(help.rows(COMMANDS))
