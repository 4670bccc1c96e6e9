"""Messages of IRC that are right, wrong, or nearly right: words that they're made of, and noise.

Must not know what becomes of them.
"""

import random

NICKS = ["ann", "bob", "Ann", "a" * 40, "1st", "nick serv", "é", "[ann]", "", "*", "chorus", "#a"]
CHANNELS = [
    *("#a", "#A", "#b", "#a,#b", "0", "a", "&a", "#", "#é☃", "#" + "x" * 300, "#a\x07", "@#a", "*"),
    *("#a#b", "#{a}", "#a:b", "#%61", "+#a", "#*"),
]
VERBS = [
    *("PASS", "NICK", "USER", "CAP", "AUTHENTICATE", "QUIT", "PING", "PONG", "ERROR", "JOIN"),
    *("PART", "TOPIC", "NAMES", "LIST", "INVITE", "KICK", "PRIVMSG", "NOTICE", "TAGMSG", "WHO"),
    *("WHOIS", "WHOWAS", "ISON", "USERHOST", "AWAY", "MODE", "MOTD", "LUSERS", "VERSION", "ADMIN"),
    *("TIME", "INFO", "STATS", "LINKS", "HELP", "SETNAME", "MONITOR", "OPER", "KILL", "REHASH"),
    *("WALLOPS", "BATCH", "REDACT", "RENAME", "CHATHISTORY", "KLINE", "UNKLINE", "DLINE"),
    *("SUMMON", "USERS", "UNKNOWN", "privmsg", "ñ", ":", "@", "42", "001"),
]
WORDS = [
    *("*", "0", "-1", "99999999999999999999", "LS", "REQ", "END", "302", "+o", "-o+v", "+b", "+k"),
    *("+l", "+i", "b", "*!*@*", "*!*@192.0.2.0/99", "+x", "-i", "LATEST", "BEFORE", "BETWEEN"),
    *(
        "TARGETS",
        "msgid=x.1",
        "S",
        "C",
        "timestamp=2023-11-14T12:00:00.000Z",
        "timestamp=x",
        "+ann",
    ),
    *("-ann", "draft/multiline", "+", "-", "$a:x", "\x01", "%tcuhsnfdlaor,7", "+beI", "+kkk", "u"),
    *("+oooooooooo", "-k", "+lllll", "[[[[", "a*b?c*d", "<5", "C>60", "T<x", "!*a*"),
]
TEXTS = [
    *("hi", "", " ", "\x01ACTION waves\x01", "\x01", "\x01VERSION\x01", "x" * 600, "☃" * 300, ":)"),
    *("a\rb", "\x02b\x0304,01c\x0f", "\u202e", "a:b c", "\0"),
]
TAGS = [
    *("", "", "", "", "@label=1 ", "@label=1;+typing=active ", "@+draft/reply=x.1;msgid=x ", "@ "),
    *("@batch=1 ", "@;;=;a= ", "@time=0;account=ann ", f"@+x={'y' * 4080} ", f"@+x={'y' * 9000} "),
    *(
        "@+x=\\",
        "@label= ",
        "@label=☃\\:\\s ",
        ":ann!a@b ",
        ":x ",
        " ",
        "@a=1  :src ",
        "@+a;+b;+c ",
    ),
    *(f"@label={'l' * 70} ", "@+x=\u202e\\r\\n "),
]
CAPABILITIES = [
    *("message-tags", "server-time", "batch", "labeled-response", "echo-message", "multi-prefix"),
    *("standard-replies", "extended-join", "away-notify", "account-tag", "chghost", "setname"),
    *("invite-notify", "userhost-in-names", "extended-monitor", "draft/chathistory", "-batch"),
    *(
        "draft/multiline",
        "draft/event-playback",
        "draft/message-redaction",
        "no/such",
        "cap-notify",
    ),
]
ENDS = [b"\r\n", b"\n", b"\r\n\r\n"]


def noise(rng: random.Random, messages: int, but: tuple[str, ...] = ()) -> bytes:
    """So many messages, none of them with these verbs."""
    verbs = [verb for verb in VERBS if verb not in but]
    return b"".join(_message(rng, verbs) for _ in range(messages))


def _message(rng: random.Random, verbs: list[str]) -> bytes:
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(200)) + b"\n"
    known = rng.choice((NICKS, CHANNELS, WORDS, CAPABILITIES))
    words = [rng.choice(verbs), *(rng.choice(known) for _ in range(rng.randrange(5)))]
    text = f" :{rng.choice(TEXTS)}" if rng.random() < 0.5 else ""
    return f"{rng.choice(TAGS)}{' '.join(words)}{text}".encode() + rng.choice(ENDS)
