"""What a person is told whose request was refused, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from bridge.refusal import CommandError, Kind, Refusal
from bridge.wording.channels import typeable
from bridge.wording.markdown import code, enumerated, escape, repeated

Sentence = str | Callable[..., str]
"""A text with facts in braces, each shown as it is, or with `:typed` as far as an answer repeats what was typed; or a
function of facts, for a sentence that differs by them, which escapes them itself."""

_POINTS = re.compile(r"https?:|[#!][^\s:]++:")

NO_CABINET = "Files are not stored in a filing cabinet in this firm (filing.mode is off)."


def _read_only_people(title: str, restorable: int) -> str:
    how = f"{_restore(title)} opens it again." if restorable else ""
    return f"{escape(title)} is read-only, so who is in it stays as it is. {how}".rstrip()


def _restore(title: str) -> str:
    return code(f"!channel restore {typeable(title)}")


def _unusable(why: str, better: str) -> str:
    return f"{escape(why)} How about {escape(better)}?" if better else escape(why)


def _taken(title: str, archived: int, free: str) -> str:
    join = code(f"!channel join {typeable(title)}")
    state, way = (" (archived)", f"{_restore(title)} opens it again") if archived else ("", f"join it: {join}")
    return (
        f"There is a channel called {escape(title)} already{state}; {way}."
        f" Or choose another name, such as {escape(free)}."
    )


def _no_such_channel(name: str, near: str) -> str:
    # What looks like a room's id or a link makes no name.
    makes = "" if near or _POINTS.match(name) else f", {code(f'!channel create {typeable(name)}')} makes it"
    hint = f" Did you mean {escape(near)}?" if near else ""
    return f"There is no channel called {escape(name)}.{hint} `!channel list` shows them{makes}."


def _no_such_matter(number: str, near: str = "", several: str = "") -> str:
    hint = f" Did you mean {escape(near)}?" if near else ""
    there = (
        f"{code(f'!matter list {several}')} shows those that are called so"
        if several
        else "`!matter list` shows those you can"
    )
    return f"There is no matter {repeated(number)} that you can see.{hint} {there}."


def _channel_archived(title: str) -> str:
    return f"{escape(title)} is archived and stays as it is. {_restore(title)} opens it again."


def _several_called(typed: str, choices: tuple[str, ...]) -> str:
    return f"There is more than one {repeated(typed)}: {escape(', '.join(choices))}. Use a mention."


def _nobody_called(typed: str, meant: str) -> str:
    hint = f"Did you mean {escape(meant)}?" if meant else "Use a mention, an e-mail address or the name."
    return f"I know nobody called {repeated(typed)}. {hint}"


def _walls_of_directory(walls: tuple[str, ...]) -> str:
    return (
        f"{', '.join(map(escape, walls))} stands in the directory, so it is not lifted here. Take it out of the section"
        " or file `walls` of the directory, or give it a last day there; the bridge follows within seconds. Nothing was"
        " lifted."
    )


SENTENCES: Mapping[Kind, Sentence] = {
    # Who may ask
    Kind.COMMAND_FOR_ADMINS: "`!{command}` is for firm admins.",
    Kind.LIST_FOR_ADMINS: "That list is for firm admins.",
    Kind.FOR_ADMINS: "That is for firm admins.",
    Kind.PINS_FOR_ADMINS: "In this firm the firm admins pin and unpin messages.",
    # Conversations
    Kind.NOT_COMPLETE: "That did not work out completely. Your firm admin can see why in the bridge's log; the rest is"
    " tried again by itself.",
    Kind.NOBODY_BESIDES_YOU: "A direct conversation needs somebody besides you. For example: `!dm @colleague`",
    Kind.PEOPLE_STAY_THE_SAME: "The people in this conversation stay the same. Open another one with `!dm @person …`.",
    Kind.PEOPLE_CHANGED_FROM_INSIDE: "Only somebody who is in the conversation can change who is in it.",
    Kind.READ_ONLY_PEOPLE: _read_only_people,
    Kind.MADE_ANEW: "This conversation is being made anew. Try again in a moment.",
    Kind.NOT_THERE_ANY_MORE: "You are not in that conversation any more. Ask for the list again where you are.",
    # Pins
    Kind.READ_ONLY_PINS: "This conversation is read-only, so its pinned messages stay as they are.",
    Kind.NO_SUCH_MESSAGE: "I cannot find that message in this conversation.",
    Kind.PINS_FULL: "{limit} messages are pinned here, and that is the most. `!unpin` takes one off.",
    Kind.PINS_NOT_SET: "The room did not let you change its pinned messages. It may just have become read-only, or you"
    " are not in it any more. Look at it, and try again if you can still write there.",
    # Channels
    Kind.CHANNEL_NAME_UNUSABLE: _unusable,
    Kind.CHANNEL_NAME_TAKEN: _taken,
    Kind.NO_SUCH_CHANNEL: _no_such_channel,
    Kind.TOPIC_TOO_LONG: "That topic has {count} characters; at most {most} fit. Try a shorter one.",
    Kind.CHANNEL_ARCHIVED: _channel_archived,
    Kind.NOT_IN_CHANNEL: "You are not in {title}.",
    Kind.FIRM_CHANNEL_STAYS_OPEN: "{title} is the channel of the whole firm; it is never archived.",
    Kind.NOBODY_LEAVES_FIRM_CHANNEL: "{title} is the channel of the whole firm; everybody stays in it.",
    Kind.NOBODY_OUT_OF_FIRM_CHANNEL: "{title} is the channel of the whole firm; nobody is taken out of it.",
    # Matters
    Kind.NO_SUCH_MATTER: _no_such_matter,
    Kind.NOBODY_TO_START_WITH: "Name somebody with access to matter {number}: a system is in no conversation itself.",
    Kind.MATTER_CLOSED: "Matter {number} is closed, so nothing new is started in it.",
    Kind.NO_TITLE: "A conversation needs a title, for example: Disclosure.",
    Kind.TITLE_UNSEEN: "That title has invisible characters. Type it again rather than pasting it.",
    Kind.TITLE_TOO_LONG: "That title has {count} characters; at most {most} fit. Try a shorter one.",
    Kind.TITLE_TAKEN: "Matter {number} has a conversation called {title}. Choose another title.",
    Kind.LIKE_ANOTHER_MATTER: "That begins as the number of a matter does, and would be taken for that matter's."
    " Begin with what it is about, for example: Disclosure.",
    Kind.READ_ONLY_TITLE: "{title} is read-only, so its title stays as it is.",
    Kind.CHANGED_FROM_INSIDE: "Only somebody who is in the conversation can {verb} it.",
    Kind.NOT_IN_CONVERSATION: "You are not in {title} of matter {number}.",
    Kind.NOTHING_SAID: "Nobody has said anything about matter {number} yet, so there is no transcript.",
    Kind.TRANSCRIPT_TOO_LARGE: "The transcript of {title} is larger than what the homeserver takes ({megabytes} MB)."
    " Your firm admin can raise max_upload_size in homeserver.yaml.",
    # Rooms asked for by a client's own button
    Kind.NOT_ON_STAFF: "Somebody you chose is not on the firm's staff any more.",
    Kind.NOT_BY_BUTTON: "A client's own button opens direct conversations and channels. `!help` names the rest.",
    Kind.NOT_THEIR_SPACE: 'For a conversation about a matter write `!matter start NUMBER "Title"` to the bot.',
    Kind.NOT_FOR_ALL: "A conversation of a matter is for colleagues with access to it. Make it for the members of the"
    ' matter\'s space, or write `!matter start NUMBER "Title"` to the bot.',
    # People and places that are named
    Kind.SEVERAL_CALLED: _several_called,
    Kind.NOBODY_CALLED: _nobody_called,
    Kind.HAS_LEFT: "{person} has left the firm.",
    Kind.NO_SUCH_PLACE: (
        "There is no matter, channel or room {typed:typed} that you can see. `!matter list` and `!channel list` show"
        " those you can."
    ),
    # Walls
    Kind.NO_MEMO: "A wall needs a memo that says why. Write it behind the people.",
    Kind.MEMO_TOO_LONG: "That memo has {length} characters; at most {most} fit.",
    Kind.WALL_NAMES_NOBODY: "A wall names people or groups. Name at least one.",
    Kind.WALL_LETS_NOBODY_IN: (
        "Nobody whom this wall would let in works here, so nobody could see the matter or lift the wall. Name somebody"
        " who does, and yourself too if you are to see it."
    ),
    Kind.WALL_NAMES_UNKNOWN: (
        "The directory has no person or group {typed:typed}, perhaps not any more. Look whom the wall is to name."
    ),
    Kind.WALL_WOULD_BE_OVER: "{last} is over. A wall ends today at the earliest: until:{today}",
    Kind.NOTHING_TO_WALL: "There is no matter or client {typed:typed} that you can see.",
    Kind.NO_SUCH_WALL: "There is no wall or matter {typed:typed} that you can see. `!wall list` shows the walls.",
    Kind.WALLS_OF_DIRECTORY: _walls_of_directory,
    Kind.NOT_TOLD_OF_WALL: "You were told of no wall {wall:typed}. `!wall acknowledge` takes all you were told of.",
    Kind.TOLD_OF_NO_WALL: "You were told of no wall, so there is none to acknowledge.",
    # Staff
    Kind.CUT_OFF_SELF: "You cannot cut yourself off. Let another firm admin do it, or the directory.",
    Kind.LAST_ADMIN: (
        "You would be the only firm admin left, and nobody would notice. Mark {person} as having left in the"
        " directory, which cuts them off within seconds, or give somebody else the role first."
    ),
    Kind.GONE_BY_DIRECTORY: (
        "The directory says that {person} has left or is disabled. Change it there; the bridge follows within seconds."
    ),
    # The directory
    Kind.NO_CHANGE_WAITS: "No change of the directory waits for confirmation.",
    Kind.WHICH_CHANGE: (
        "The change {fingerprint} of the directory waits. `!directory plan` says what it would do; let just that change"
        " through with `!directory confirm {fingerprint}`."
    ),
    Kind.CHANGE_WAITS_NO_MORE: (
        "No change {fingerprint} of the directory waits. It was applied or taken back, or the files changed again"
        " since. Look at the status of the directory."
    ),
    Kind.NO_CHANGE_CONFIRMED: "No change of the directory was confirmed that could be taken back.",
    Kind.NOT_THE_LAST_CHANGE: (
        "The change {fingerprint} is not the one that was confirmed last, which is {last}. Only the last can be taken"
        " back."
    ),
    Kind.CHANGE_TAKEN_BACK: (
        "The change {fingerprint} has been taken back. The status of the directory says what waits."
    ),
    Kind.TOO_LATE_TO_TAKE_BACK: (
        "The change {fingerprint} was confirmed more than a day ago, and cannot be taken back any more. Put the"
        " directory's files right, and add those who are back to their conversations."
    ),
    Kind.OLD_DIRECTORY_DOES_NOT_FIT: (
        "What was changed in the directory since does not go with what was there before, so the change cannot be taken"
        " back as a whole. Put the directory's files right instead, and add those who are back to their conversations."
    ),
    Kind.DIRECTORY_CHANGED_MEANWHILE: ("The directory changed at this very moment. Nothing was taken back; try again."),
    # Filing
    Kind.NO_CABINET: NO_CABINET,
    # The API
    Kind.TOO_LARGE_TO_REHEARSE: "That is too large for a dry run. Nothing was done. Ask for it in smaller parts, or"
    " have it done.",
    Kind.SCOPE_MISSING: lambda scopes: (
        f"This token is not for all of that. It lacks {enumerated(scopes)}; whoever runs the server makes one that has"
        " more."
    ),
    # Webhooks
    Kind.WEBHOOK_ADDRESS: "{why}",
    Kind.TOO_MANY_WEBHOOKS: "There are {most} webhooks already. End one that nobody needs any more.",
    # The panel
    Kind.NO_PANEL: "There is no panel in this firm. Your firm admin can set it up (panel.url in the configuration).",
    Kind.SIGN_ON_NOT_VERIFIED: "The firm's single sign-on has not verified your e-mail address, so it does not prove"
    " who you are. Ask your firm admin, or the bot for a link: `!panel`.",
    Kind.SIGN_ON_UNKNOWN: "The firm's single sign-on knows you, but its directory has nobody who works here under that"
    " name. Ask your firm admin.",
    Kind.SIGN_ON_USED: "That sign-in was used already. Sign in again.",
}


def worded(error: Refusal | CommandError, sentences: Mapping[Kind, Sentence] = SENTENCES) -> str:
    """What to tell whoever asked. `sentences` has those of all kinds that it may be."""
    if isinstance(error, CommandError):
        return str(error)
    sentence = sentences[error.kind]
    return _FACTS.vformat(sentence, (), error.facts) if isinstance(sentence, str) else sentence(**error.facts)


class _Facts(Formatter):
    """Puts facts into a sentence so that each shows as it is."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """One fact; several words are listed."""
        if isinstance(value, tuple):
            return enumerated([escape(one) for one in value])
        return repeated(value) if format_spec == "typed" else escape(str(value))


_FACTS = _Facts()
