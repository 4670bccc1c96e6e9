"""What a person knows of themselves, from what they typed and read: their nick, their channels.

The people of a run go by it, and the checker judges by it, so there is one of it.
"""

from tests.chaos.lines import Kind, Line, changes, is_open, signs, typed

NOT_IN = "you are not in "


class Standing:
    """One visit's. `nick`: empty before the greeting. `channels`: that they have come into.

    `unsure`: channels of which they can't know. `sure`: whether they can know their nick. `away`:
    whether the broker is, as far as they were told. `refused`: errors since the last pong. `rules`:
    channels of which they're an operator, as far as they read last.
    """

    def __init__(self) -> None:
        self.nick = ""
        self.sure = True
        self.channels: set[str] = set()
        self.unsure: set[str] = set()
        self.away = False
        self.refused = 0
        self.rules: set[str] = set()
        self._lobby = ""  # while they're being greeted
        self._were: set[str] = set()  # nicks of theirs that they changed since the last pong
        self._asked: list[str] = []  # since the last pong
        self._open: set[tuple[str, str]] = set()  # verbs that change it, and what they're about

    @property
    def certain(self) -> set[str]:
        """The channels that they're in, without any doubt."""
        return self.channels - self.unsure

    def goes_on(self, nick: str) -> None:
        """They took their session up on another connection. What was under way may be done."""
        self._doubt()
        self.nick, self.sure, self.away = nick, True, False
        self._asked, self.refused = [], 0
        self._were.clear()

    def sends(self, line: str) -> None:
        """They typed a line."""
        verb, about, _ = typed(line)
        if verb == "/ping":
            return
        self._asked.append(line)
        if verb in ("/nick", "/join", "/leave"):
            self._open.add((verb, about))

    def hears(self, line: Line) -> None:
        """They read a line."""
        if line.kind is Kind.NAMES:
            self._is_operator(line.channel, signs(line).get(self.nick) == "@")
        elif line.kind is Kind.RULED:
            for change, nick in changes(line):
                if change[1] == "o" and nick == self.nick:
                    self._is_operator(line.channel, change[0] == "+")
        match line.kind:
            case Kind.WELCOME:
                self.nick = line.nick
            case Kind.NOTICE:
                self._notice(line.text)
            case Kind.RENAMED if line.nick == self.nick and ("/nick", line.text) in self._open:
                self._were.add(self.nick)
                self.nick, self.sure = line.text, True
                self._open.discard(("/nick", line.text))
            case Kind.SAID if not self.sure and self._said(line.text):
                self._were.add(self.nick)
                self.nick, self.sure = line.nick, True
            case Kind.JOINED if line.nick == self.nick and ("/join", line.channel) in self._open:
                self._comes(line.channel)
            case Kind.OTHER if line.body.startswith("you are in the channel "):
                self._lobby = line.body.removeprefix("you are in the channel ").partition(":")[0]
            case Kind.NAMES if line.channel == self._lobby:
                self._lobby = ""  # and from here on they are
                self._comes(line.channel)
            case Kind.NAMES if self._asked[-1:] == [f"/join {line.channel}"]:
                self._comes(line.channel)
            case Kind.LEFT if line.nick == self.nick and ("/leave", line.channel) in self._open:
                self._open.discard(("/leave", line.channel))
                self.channels.discard(line.channel)
                self.unsure.discard(line.channel)
            case Kind.KICKED if line.text in {self.nick, *self._were}:
                self.channels.discard(line.channel)
                self.unsure.discard(line.channel)
                if self._were or not self.sure:  # it may be about who had the nick, or has it
                    self.unsure.add(line.channel)
            case Kind.GAP:
                self._doubt()  # their own event may be missing
            case Kind.ERROR:
                self.refused += 1
                if line.text.startswith("the broker is away"):
                    self.away = True  # whoever came meanwhile has read no notice
                if is_open(line):
                    self._doubt()
                elif line.text.startswith(NOT_IN) and self._leaving(line.text):
                    self.channels.discard(line.text.removeprefix(NOT_IN))
            case Kind.PONG:
                self._settle()

    def _is_operator(self, channel: str, so: bool) -> None:
        if so:
            self.rules.add(channel)
        else:
            self.rules.discard(channel)

    def _comes(self, channel: str) -> None:
        self._open.discard(("/join", channel))
        self.channels.add(channel)
        self.unsure.discard(channel)

    def _leaving(self, text: str) -> bool:
        """Whether they asked to leave, and read that they are in it no more: it was forgotten."""
        return ("/leave", text.removeprefix(NOT_IN)) in self._open

    def _said(self, text: str) -> bool:
        return any(line.endswith(f" {text}") for line in self._asked)

    def _notice(self, text: str) -> None:
        if text.startswith("the broker is away"):
            self.away = True
            self._doubt()
        elif text.startswith("the broker is back"):
            self.away = False
        elif text.startswith("somebody else has taken your nick"):
            self._were.add(self.nick)
            self.nick, self.sure = text.rpartition("you are ")[2].split()[0], True
        elif text.startswith(NOT_IN) and text.endswith(" any more"):
            channel = text.removeprefix(NOT_IN).removesuffix(" any more")
            self.channels.discard(channel)
            self.unsure.discard(channel)

    def _doubt(self) -> None:
        """What is under way may have been done, or may still be."""
        for verb, about in self._open:
            if verb == "/nick":
                self.sure = False
            else:
                self.unsure.add(about)

    def _settle(self) -> None:
        """A pong: all that was typed before is answered, unless the broker is away."""
        if not self.away or self.refused >= len(self._asked):
            for verb, about, _ in map(typed, self._asked):
                in_doubt = not self.sure if verb == "/nick" else about in self.unsure
                if not in_doubt:
                    self._open.discard((verb, about))
        if not self.away:
            self._were.clear()
        self._asked, self.refused = [], 0
