"""A village whose people speak IRC, and may speak anything else."""

import re
from typing import Any

from node.core.chat import Chat
from node.dialects.irc import Irc, IrcConfig
from tests.support.village import NOON, Screen, Village, Villager

_TAGS = re.compile(r"^@\S+ ")


class Client(Villager):
    """An IRC client on one node; not registered yet."""

    def __init__(self, chat: Chat, dialect: Irc, address: str) -> None:
        self._chat = chat
        self.screen = Screen()
        self.session = chat.connect(self.screen, dialect, address)

    def register(self, nick: str, *caps: str) -> list[str]:
        """Come in; what was shown."""
        if caps:
            self.say("CAP LS 302", f"CAP REQ :{' '.join(caps)}")
        self.say(f"NICK {nick}", f"USER {nick} 0 * :The real {nick}")
        if caps:
            self.say("CAP END")
        return self.read()

    def numerics(self, *lines: str) -> list[str]:
        """Type lines; the numerics (or verbs) of what was shown since the last `read`."""
        return [verb(line) for line in self.type(*lines)]


class IrcVillage(Village):
    """As `Village`. Its clients are called `NICK!~NICK@ADDRESS`."""

    def __init__(self, nodes: int = 1, *, irc: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(nodes, **more)
        self.config = IrcConfig(created=NOON, **(irc or {}))
        self.dialects = [Irc(self.config) for _ in self.chats]

    def client(self, node: int = 0, address: str = "192.0.2.7") -> Client:
        """Somebody who has connected and said nothing."""
        client = Client(self.chats[node], self.dialects[node], address)
        self.people.append(client)
        return client

    def here(self, nick: str, *channels: str, caps: str = "", node: int = 0) -> Client:
        """Somebody who has come in, and into channels; everybody has read what there was."""
        client = self.client(node)
        client.register(nick, *caps.split())
        client.say(*(f"JOIN {channel}" for channel in channels))
        self.read_up()
        return client


def verb(line: str) -> str:
    """The numeric or verb of a line that the server sent."""
    words = _TAGS.sub("", line).split()
    return words[1] if words[0].startswith(":") else words[0]


def untagged(lines: list[str]) -> list[str]:
    """Lines without their tags."""
    return [_TAGS.sub("", line) for line in lines]
