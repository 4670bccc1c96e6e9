"""IRC clients that people use, driven by tests: irssi, WeeChat, and the library pydle.

    Irssi(folder, port, "ivy")     on a terminal of its own
    WeeChat(folder, port, "wes")   without one; it's told through its FIFO
    Pydle(port, "pia")             in a thread of its own

Each connects, and is known by its nick when it's made. What its person would read is told by
`shows`. Must not know how the server works.
"""

import asyncio
import logging
import os
import pty
import shutil
import subprocess
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pydle

from tests.support.processes import await_fact

SECONDS = 100.0
"""How long a fact is waited for. A machine that has much else to do is no fault of a client's."""

HERE = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "TERM": "vt100"}
"""An environment that has nothing of who runs the tests."""


def missing(*programs: str) -> str:
    """Which of these programs aren't here, in words; empty if all are."""
    lacking = [program for program in programs if shutil.which(program) is None]
    return f"there is no {' and no '.join(lacking)} here" if lacking else ""


def no_weechat() -> str:
    """As `missing`, for WeeChat with its FIFO, which is a plugin in another package."""
    plugins = ("lib/*/weechat/plugins", "lib/weechat/plugins", "lib64/weechat/plugins")
    places = [
        Path(root).glob(f"{one}/fifo.so") for root in ("/usr", "/usr/local") for one in plugins
    ]
    found = any(True for place in places for _ in place)
    return missing("weechat-headless") or ("" if found else "WeeChat has no plugin fifo here")


class Client:
    """What all of them can do. As a context manager it's ended at the end."""

    nick: str

    @property
    def complaints(self) -> list[str]:
        """What it told its person, or its programmer, that was wrong since it's known."""
        raise NotImplementedError

    def join(self, channel: str) -> None:
        """Returns when it knows who is there."""
        raise NotImplementedError

    def say(self, target: str, text: str) -> None:
        """To a channel or to somebody."""
        raise NotImplementedError

    def act(self, channel: str, text: str) -> None:
        """As `/me` does."""
        raise NotImplementedError

    def raw(self, line: str) -> None:
        """Send a line as it is."""
        raise NotImplementedError

    def shown(self, where: str = "") -> list[str]:
        """All lines that it has shown in a conversation; empty: in the one with the server."""
        raise NotImplementedError

    def close(self) -> None:
        """End it, whatever state it's in."""
        raise NotImplementedError

    def reads(self, where: str, *words: str) -> None:
        """Returns when all of these are in one line that it shows there."""
        try:
            await_fact(lambda: self._reads(where, words), SECONDS)
        except AssertionError:
            shown = "\n".join([*self.shown(), "", *self.shown(where)])
            raise AssertionError(f"{self.nick} isn't shown {words}:\n{shown}") from None

    def _reads(self, where: str, words: tuple[str, ...]) -> bool:
        return any(all(word in line for word in words) for line in self.shown(where))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


class _Process(Client):
    """A client that is a program of its own. `folder`: for all that it writes."""

    _process: "subprocess.Popen[bytes]"

    def __init__(self, folder: Path, port: int, nick: str) -> None:
        self.nick = nick
        self._folder = folder / nick
        self._folder.mkdir()
        self._start(port)
        try:
            self._greeted()
        except BaseException:
            self.close()
            raise

    def _start(self, port: int) -> None:
        raise NotImplementedError

    def _greeted(self) -> None:
        self.reads(
            "", "message of the day"
        )  # a message of the day ends a greeting, or that there's none

    def _read(self, name: str) -> list[str]:
        """The lines of a file that it writes."""
        with suppress(FileNotFoundError):
            return (self._folder / name).read_text(errors="replace").splitlines()
        return []

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
        with self._process:
            pass


IRSSI = """
settings = {{
  core = {{ real_name = "{nick}"; user_name = "{nick}"; nick = "{nick}"; }};
  "fe-common/core" = {{
    autolog = "yes"; autolog_path = "{folder}/log-$0"; autolog_level = "all"; autolog_colors = "no";
  }};
  "fe-text" = {{ paste_detect_time = "0"; }};
}};
logs = {{ "{folder}/status" = {{ auto_open = "yes"; level = "ALL"; }}; }};
"""


class Irssi(_Process):
    """irssi on a terminal that nobody looks at: it logs what it shows, and what it's sent."""

    def _start(self, port: int) -> None:
        (self._folder / "config").write_text(IRSSI.format(nick=self.nick, folder=self._folder))
        self._terminal, its_end = pty.openpty()
        self._process = subprocess.Popen(
            ["irssi", "--home", self._folder, "--nick", self.nick],
            env=HERE,
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            start_new_session=True,
        )
        os.close(its_end)
        self._screen = threading.Thread(target=self._look_away, daemon=True)
        self._screen.start()
        await_fact(lambda: self._read("status"), SECONDS)  # else it may not listen yet
        self._type(f"/connect 127.0.0.1 {port}")
        self.reads("", "Connection to", "established")
        self._type(f"/rawlog open {self._folder}/raw")

    def _look_away(self) -> None:
        """Read its screen, or it would wait for that."""
        with suppress(OSError):
            while os.read(self._terminal, 65_536):
                pass

    def _type(self, line: str) -> None:
        os.write(self._terminal, f"{line}\r".encode())

    @property
    def sent(self) -> list[str]:
        """All lines that the server has sent, as they came."""
        return [line[3:] for line in self._read("raw") if line.startswith(">> ")]

    @property
    def complaints(self) -> list[str]:
        signs = ("Irssi: critical", "Irssi: warning", "Irssi: error")
        return [line for line in self.shown() if any(sign in line for sign in signs)]

    def join(self, channel: str) -> None:
        self._type(f"/join {channel}")
        self.reads(channel, f"Irssi: {channel}: Total of ")

    def say(self, target: str, text: str) -> None:
        self._type(f"/msg {target} {text}")

    def act(self, channel: str, text: str) -> None:
        self._type(f"/action {channel} {text}")

    def raw(self, line: str) -> None:
        self._type(f"/quote {line}")

    def shown(self, where: str = "") -> list[str]:
        return self._read(f"log-{where}" if where else "status")

    def close(self) -> None:
        super().close()
        self._screen.join(10)
        os.close(self._terminal)


class WeeChat(_Process):
    """WeeChat without a screen: it's told through its FIFO, and logs what it shows."""

    def _start(self, port: int) -> None:
        server = f"chorus 127.0.0.1/{port} -nicks={self.nick} -username={self.nick}"
        commands = [
            f"/set fifo.file.path {self._folder}/fifo",
            "/set logger.file.flush_delay 0",
            "/set irc.look.smart_filter off",
            f"/server add {server}",
            "/mute /set irc.server.chorus.ssl off",  # as it was called until version 4
            "/mute /set irc.server.chorus.tls off",
            "/set irc.server.chorus.capabilities *",
            "/connect chorus",
        ]
        self._process = subprocess.Popen(
            ["weechat-headless", "--dir", self._folder, "--run-command", ";".join(commands)],
            env=HERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._before = 0

    def _greeted(self) -> None:
        super()._greeted()
        self._before = len(self._wrong)

    def _type(self, buffer: str, line: str) -> None:
        fifo = os.open(self._folder / "fifo", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fifo, f"irc.{buffer} *{line}\n".encode())
        finally:
            os.close(fifo)

    @property
    def _wrong(self) -> list[str]:
        shown = [*self._read("logs/core.weechat.weechatlog"), *self.shown()]
        return [line for line in shown if "\t=!=\t" in line]

    @property
    def complaints(self) -> list[str]:
        return self._wrong[self._before :]

    def join(self, channel: str) -> None:
        self._type("server.chorus", f"/join {channel}")
        self.reads(channel, f"Channel {channel}: ")

    def say(self, target: str, text: str) -> None:
        self._type("server.chorus", f"/msg {target} {text}")

    def act(self, channel: str, text: str) -> None:
        self._type(f"chorus.{channel}", f"/me {text}")

    def raw(self, line: str) -> None:
        self._type("server.chorus", f"/quote {line}")

    def shown(self, where: str = "") -> list[str]:
        buffer = f"chorus.{where}" if where else "server.chorus"
        return self._read(f"logs/irc.{buffer}.weechatlog")


class Pydle(Client):
    """A program that somebody wrote with pydle."""

    def __init__(self, port: int, nick: str) -> None:
        self.nick = nick
        self._shown: dict[str, list[str]] = {}
        self._complaints: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._bot = self._do(self._made())
        try:
            self._do(self._bot.connect("127.0.0.1", port, tls=False))
            await_fact(lambda: self._bot.registered, SECONDS)
        except BaseException:
            self.close()
            raise

    async def _made(self) -> Any:
        return _Bot(self.nick, self._shown, self._complaints)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    @property
    def complaints(self) -> list[str]:
        return list(self._complaints)

    def join(self, channel: str) -> None:
        self._do(self._bot.join(channel))
        await_fact(lambda: self._bot.in_channel(channel), SECONDS)
        await_fact(lambda: self.nick in self._bot.channels[channel]["users"], SECONDS)

    def say(self, target: str, text: str) -> None:
        self._do(self._bot.message(target, text))

    def act(self, channel: str, text: str) -> None:
        self._do(self._bot.ctcp(channel, "ACTION", text))

    def raw(self, line: str) -> None:
        self._do(self._bot.raw(f"{line}\r\n"))

    def shown(self, where: str = "") -> list[str]:
        return list(self._shown.get(where, ()))

    def close(self) -> None:
        with suppress(Exception):
            self._do(self._bot.disconnect(expected=True))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Bot(pydle.Client):  # type: ignore[misc]
    """Writes down what a person would be shown, and what the library warns of."""

    RECONNECT_ON_ERROR = False

    def __init__(self, nick: str, shown: dict[str, list[str]], complaints: list[str]) -> None:
        self._shown = shown
        self._log = logging.Logger(nick)
        self._log.addHandler(_Complaints(complaints))
        super().__init__(nick, realname=nick)

    @property
    def logger(self) -> logging.Logger:
        return self._log

    @logger.setter
    def logger(self, _theirs: logging.Logger) -> None:
        """It would take another for each connection."""

    def _show(self, where: str, line: str) -> None:
        self._shown.setdefault(where, []).append(line)

    async def on_raw(self, message: Any) -> None:
        self._show("", str(message._raw).rstrip("\r\n"))
        await super().on_raw(message)

    async def on_channel_message(self, target: str, by: str, message: str) -> None:
        self._show(target, f"<{by}> {message}")

    async def on_ctcp_action(self, by: str, target: str, contents: str) -> None:
        self._show(target, f"* {by} {contents}")

    async def on_private_message(self, target: str, by: str, message: str) -> None:
        self._show(by, f"<{by}> {message}")

    async def on_join(self, channel: str, user: str) -> None:
        await super().on_join(channel, user)
        self._show(channel, f"{user} has joined")

    async def on_part(self, channel: str, user: str, message: str | None = None) -> None:
        await super().on_part(channel, user, message)
        self._show(channel, f"{user} has left {message}")

    async def on_kick(self, channel: str, target: str, by: str, reason: str | None = None) -> None:
        await super().on_kick(channel, target, by, reason)
        self._show(channel, f"{target} was kicked {reason}")

    async def on_topic_change(self, channel: str, message: str, by: str) -> None:
        await super().on_topic_change(channel, message, by)
        self._show(channel, f"topic: {message}")

    async def on_nick_change(self, old: str, new: str) -> None:
        await super().on_nick_change(old, new)
        for channel in self.channels:
            self._show(channel, f"{old} is now known as {new}")

    async def on_quit(self, user: str, message: str | None = None) -> None:
        await super().on_quit(user, message)
        self._show("quits", f"{user} has quit {message}")


class _Complaints(logging.Handler):
    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(self.format(record))
