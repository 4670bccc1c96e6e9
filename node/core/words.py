"""The sentences of the server, by code, for people: the same whatever the dialect.

A dialect has its own for what is typed or read in another way there; and it says in what form all
of them come. `{about}` is what a sentence is about; each is one line.
"""

from broker.api import Code
from node.core.replies import Gap, Goodbye, News

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
    Code.TEXT_TOO_LONG: "that is too long; nothing of it was taken",
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

NOTICES: dict[News, str] = {
    News.AWAY: "the broker is away; you stay connected, but nothing can be done until it is back",
    News.BACK: "the broker is back",
    News.CUT_OFF: "this node was cut off from the cluster; others saw you quit, and join again now",
    News.NICK_LOST: "somebody else has taken your nick meanwhile; you are {about} now",
    News.CHANNEL_LOST: "you are not in {about} any more",
    News.UNREPLICATED: "the broker has too few replicas now; what is said is accepted, but if the"
    " broker failed it could be lost",
    News.OPERATOR: "{about}",
    News.REPLICATED: "the broker's replicas have everything again",
}

CLOSINGS: dict[Goodbye, str] = {
    Goodbye.QUIT: "you have quit",
    Goodbye.AWAY: "the broker is away; try again in a moment",
    Goodbye.HUNG_UP: "you have hung up",
    Goodbye.SHUTDOWN: "this server is going down",
    Goodbye.DRAIN: "this node is being drained; another will do",
    Goodbye.ELSEWHERE: "resumed elsewhere",
    Goodbye.IDLE: "nothing came from you for {about} (--idle)",
    Goodbye.CONNECTS: "you connect too often from your address (limit: {about},"
    " --connects-per-address)",
    Goodbye.KICKED: "kicked: {about}",
    Goodbye.BANNED: "banned: {about}",
    Goodbye.CONNECTIONS: "too many connections from your address (limit: {about},"
    " --connections-per-address)",
}


def filled(sentence: str, about: str) -> str:
    """A sentence about something. One that ends with a reason does without if there's none."""
    if not about:
        sentence = sentence.removesuffix(": {about}")
    return sentence.format(about=about)


def gap(lost: Gap) -> str:
    """What is missing."""
    where = f"messages of {lost.channel}" if lost.channel is not None else "private messages"
    if lost.lost is None:
        return f"{where} may be missing"
    if lost.lost == 1:
        return f"1 {where.replace('messages', 'message', 1)} is lost"
    return f"{lost.lost} {where} are lost"
