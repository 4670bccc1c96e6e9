"""What each command is for (Modern, "HELP message")."""

from collections.abc import Mapping
from functools import partial

from node.dialects.irc import wire
from node.dialects.irc.call import Call, Row
from node.dialects.irc.refusals import shown


def rows(table: Mapping[str, Row]) -> dict[str, Row]:
    """Those that tell of a table's commands, and of themselves, once they are in it."""
    handler = partial(help_, table)
    return {
        "HELP": Row(handler, form="[COMMAND]", does="the commands, or one of them"),
        "HELPOP": Row(handler, form="[COMMAND]", does="as HELP"),
    }


async def help_(table: Mapping[str, Row], call: Call) -> None:
    about = call.param(0).upper().removeprefix("/")
    if not about:
        call.numeric("RPL_HELPSTART", "*", text="The commands; HELP COMMAND tells what one does")
        for line in wire.filled(sorted(table), 400):
            call.numeric("RPL_HELPTXT", "*", text=line)
        call.numeric("RPL_ENDOFHELP", "*", text="End of HELP")
        return
    row = table.get(about)
    if row is None:
        call.numeric("ERR_HELPNOTFOUND", shown(call.params[0]))
        return
    call.numeric("RPL_HELPSTART", about, text=f"{about} {row.form}".rstrip())
    call.numeric("RPL_HELPTXT", about, text=row.does)
    call.numeric("RPL_ENDOFHELP", about, text="End of HELP")
