"""IRC's commands as a table in Markdown, from the rows in which they are declared.

Must not know any command by name, nor who reads the table.
"""

from node.dialects.irc.commands import COMMANDS


def irc_commands() -> str:
    """A row for each."""
    rows = [("command", "what it does"), ("---", "---")]
    rows += [(f"`{f'{verb} {row.form}'.rstrip()}`", row.does) for verb, row in COMMANDS.items()]
    return "\n".join(f"| {_cell(form)} | {_cell(does)} |" for form, does in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
