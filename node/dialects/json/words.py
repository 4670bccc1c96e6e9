"""The sentences that messages have for people, by code. `{about}` is what they're about."""

from broker.api import Code
from node.core.replies import Goodbye, News
from node.dialects.json.commands import LONGEST, TEXT

MALFORMED = "malformed"

NOT_A_COMMAND = "that isn't a command: {why}"

REFUSED: dict[Code, str] = {
    Code.NICK_TAKEN: "the nick {about} is taken",
    Code.NICK_INVALID: "{about} can't be a nick: 1 to 32 letters, digits or - _ [ ] \\ ` ^ {{ }} |,"
    " the first no digit and no -",
    Code.NICK_RESERVED: "names that begin with guest- are given by the server only",
    Code.NO_SUCH_NICK: "nobody is called {about}",
    Code.NO_SUCH_CHANNEL: "there is no channel {about}",
    Code.CHANNEL_INVALID: "{about} can't be a channel: # and 1 to 50 printable characters,"
    " no space and no comma",
    Code.NOT_MEMBER: "you are not in {about}",
    Code.ALREADY_MEMBER: "you are in {about} already",
    Code.NO_CURRENT_CHANNEL: "no channel was named",
    Code.TEXT_INVALID: "a text can't hold a line break or a NUL character",
    Code.TEXT_TOO_LONG: f"that is too long: a text has at most {TEXT} bytes, an object {LONGEST}",
    Code.TOO_MANY_CHANNELS: "you are in as many channels as one may be; leave one first",
    Code.TOO_MANY_MADE: "too many channels were made from your address; join one that is there",
    Code.NICKS_TOO_OFTEN: "you change your nick too often; try again in {about}",
    Code.JOINS_TOO_OFTEN: "you join channels too often; try again in {about}",
    Code.OPTION_UNKNOWN: "there is no option {about}",
    Code.TOKEN_UNKNOWN: "that token is not known",
    Code.ELSEWHERE: "that session is open elsewhere",
    Code.AWAY: "the broker is away; that was not done",
    Code.BUSY: "the server can't do that now; it was not done, try again in a moment",
    Code.CUT_OFF: "the cluster had lost sight of you; that was not done, try again in a moment",
    Code.UNSETTLED: "the broker was lost meanwhile; it is not known whether that was done",
}

NOTICES: dict[News, tuple[str, str]] = {
    News.AWAY: (
        "broker-away",
        "the broker is away; you stay connected, but nothing can be done until it is back",
    ),
    News.BACK: ("broker-back", "the broker is back"),
    News.CUT_OFF: (
        "cut-off",
        "this node was cut off from the cluster; others saw you quit, and join again now",
    ),
    News.NICK_LOST: (
        "nick-lost",
        "somebody else has taken your nick meanwhile; you are {about} now",
    ),
    News.UNREPLICATED: (
        "unreplicated",
        "the broker has too few replicas now; what is accepted could be lost if the broker failed",
    ),
    News.OPERATOR: ("operator", "{about}"),
    News.REPLICATED: ("replicated", "the broker's replicas have everything again"),
}

CLOSINGS: dict[Goodbye, tuple[str, str]] = {
    Goodbye.QUIT: ("quit", "you have quit"),
    Goodbye.AWAY: ("broker-away", "the broker is away; try again in a moment"),
    Goodbye.HUNG_UP: ("hung-up", "you have hung up"),
    Goodbye.SHUTDOWN: ("shutdown", "this server is going down"),
    Goodbye.DRAIN: ("drain", "this node is being drained; another will do"),
    Goodbye.ELSEWHERE: ("elsewhere", "resumed elsewhere"),
    Goodbye.IDLE: ("idle", "nothing came from you for {about} (--idle)"),
    Goodbye.KICKED: ("kicked", "kicked: {about}"),
    Goodbye.BANNED: ("banned", "banned: {about}"),
    Goodbye.CONNECTS: (
        "connects",
        "you connect too often from your address (limit: {about}, --connects-per-address)",
    ),
    Goodbye.CONNECTIONS: (
        "connections",
        "too many connections from your address (limit: {about}, --connections-per-address)",
    ),
}
