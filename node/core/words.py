"""The sentences of the server, by code, for people: the same whatever the dialect.

A dialect has its own for what is typed or read in another way there; and it says in what form all
of them come. `{about}` is what a sentence is about; each is one line.
"""

from broker.api import Code
from node.core.replies import Gap, Goodbye, News

OPERATORS: dict[Code, str] = {
    Code.NO_OPERS: "this server has no operators whom one could become",
    Code.PASSWORD_WRONG: "that is no operator's name and password, or not from here",
    Code.OPERS_TOO_OFTEN: "you try to become an operator too often; try again in {about}",
    Code.NOT_OPER: "only operators of this server may do that",
    Code.RIGHT_LACKED: "you are an operator, but not one who may do that ({about})",
    Code.NOT_DONE: "that was not done: {about}",
    Code.BARRED: "you are banned from this server: {about}",
}
"""What is said of operators of the chat, in IRC; who speaks otherwise can't come across it."""

REFUSED: dict[Code, str] = {
    Code.NICK_TAKEN: "the nick {about} is taken",
    Code.NICK_INVALID: "{about} can't be a nick: 1 to 32 letters, digits or - _ [ ] \\ ` ^ {{ }} |,"
    " the first no digit and no -",
    Code.NICK_RESERVED: "names that begin with guest- are given by the server only",
    Code.NO_SUCH_NICK: "nobody is called {about}",
    Code.NO_SUCH_CHANNEL: "there is no channel {about}",
    Code.CHANNEL_INVALID: "{about} can't be a channel: # and 1 to 50 printable characters,"
    " no space and no comma",
    Code.NO_SUCH_LINE: "there is nothing said at {about} that could be taken back",
    Code.NOT_YOURS: "somebody else has said that; only they and operators of the channel can take"
    " it back",
    Code.NOT_MEMBER: "you are not in {about}",
    Code.ALREADY_MEMBER: "you are in {about} already",
    Code.NO_CURRENT_CHANNEL: "no channel was named",
    Code.TEXT_INVALID: "a text can't hold a line break or a NUL character",
    Code.TEXT_TOO_LONG: "that is too long; nothing of it was taken",
    Code.TOO_MANY_CHANNELS: "you are in as many channels as one may be; leave one first",
    Code.TOO_MANY_MADE: "too many channels were made from your address; join one that is there",
    Code.NICKS_TOO_OFTEN: "you change your nick too often; try again in {about}",
    Code.JOINS_TOO_OFTEN: "you join channels too often; try again in {about}",
    Code.CHANGES_TOO_OFTEN: "you change what is told of you too often; try again in {about}",
    Code.OTHERS_MODES: "only your own modes are yours to change",
    Code.OPTION_UNKNOWN: "there is no option {about}",
    Code.TOKEN_UNKNOWN: "that token is not known",
    Code.BANNED_HERE: "you are banned from {about}",
    Code.INVITE_ONLY: "only who is invited can come into {about}",
    Code.KEY_WRONG: "{about} has a key, and can't be joined without it",
    Code.CHANNEL_FULL: "{about} is full",
    Code.CANNOT_SPEAK: "only who has a voice may speak in {about} now",
    Code.SILENCED: "you are banned from {about}, and can't speak there",
    Code.CTCP_REFUSED: "{about} takes no CTCP",
    Code.NOT_OP: "only an operator of {about} may do that",
    Code.TARGET_NOT_MEMBER: "{about} is not in that channel",
    Code.ALREADY_THERE: "{about} is in that channel already",
    Code.MODE_UNKNOWN: "there is no mode {about}",
    Code.MODE_LACKS: "the mode {about} lacks what it is about",
    Code.TOO_MANY_MODES: "at most {about} modes that are about something can be changed at once",
    Code.LIST_FULL: "the list is full; {about} was not put on it",
    Code.MASK_INVALID: "{about} can't be a mask: NICK!USER@HOST or a part of it, without a space",
    Code.KEY_INVALID: "{about} can't be a key: 1 to 32 printable characters, no space, no comma and"
    " no colon first",
    Code.LIMIT_INVALID: "{about} can't be a limit: a number from 1 to 9999999",
    Code.NAME_IN_USE: "there is a channel {about} already",
    Code.NAME_GIVEN_UP: "the name {about} was given up a moment ago; try again in a minute",
    Code.FORWARD_INVALID: "there is no channel {about} that people could be sent on to",
    **OPERATORS,
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
    Goodbye.ENDLESS: "you sent a line of more than {about} bytes",
    Goodbye.REGISTRATION: "you didn't say who you are within {about}",
    Goodbye.PASSWORD: "the password is wrong",
    Goodbye.CONNECTS: "you connect too often from your address (limit: {about},"
    " --connects-per-address)",
    Goodbye.KICKED: "kicked: {about}",
    Goodbye.KILLED: "killed: {about}",
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
