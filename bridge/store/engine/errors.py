"""What a database fails at, as sentences for whoever looks after it."""

from __future__ import annotations

from bridge.firm.errors import BridgeError

LOCK_SECONDS = 5
"""How long a lock of another process is waited for."""

_CALLERS_MISTAKES = {"IntegrityError", "DataError", "ProgrammingError", "NotSupportedError"}
_DATABASE_ERRORS = {"DatabaseError", "InterfaceError"}


class StoreError(BridgeError):
    """The database could not do its work. The message says what happened, to which database, and what to do."""


class OwnedElsewhereError(StoreError):
    """Another process owns the database, or took it over. Nothing may be changed by this one."""


class NotMadeYetError(StoreError):
    """The database is not there, or its tables are older than this version, and whoever only reads changes neither."""


def as_store_error(error: Exception, name: str) -> Exception:
    """A StoreError for what the database itself failed at; anything else as it is."""
    if isinstance(error, StoreError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    is_database = kinds & _DATABASE_ERRORS and not kinds & _CALLERS_MISTAKES
    if not is_database:
        return error
    explained = StoreError(_sentence(str(error).strip().splitlines()[0] if str(error).strip() else kinds.pop(), name))
    explained.__cause__ = error
    return explained


def owned_elsewhere(name: str, owner: str) -> OwnedElsewhereError:
    """`owner` says which process it is, as far as that is known."""
    return OwnedElsewhereError(
        f"Another process of firm-bridge uses the database {name}: {owner}. Two would undo each other's work, so this"
        " one changed nothing. End the other first, or let it do the work."
    )


def cannot_open(name: str) -> str:
    """A sentence for a file that cannot be written."""
    return f"The database {name} cannot be opened for writing. Look at database.url and the file's owner and mode."


def _sentence(reason: str, name: str) -> str:
    told = reason.lower()
    if "disk is full" in told or "no space left" in told:
        return f"The disk that holds the database {name} is full. Make room; the bridge goes on by itself."
    if "is locked" in told or "lock timeout" in told:
        return (
            f"The database {name} has been locked by another process for {LOCK_SECONDS} seconds. Look for a second"
            " bridge, a backup or a database shell that uses it, and end it; the bridge goes on by itself."
        )
    if "statement timeout" in told:
        return (
            f"The database {name} took too long over one question, which was given up. Look at its load and its disk;"
            " the bridge goes on by itself."
        )
    if "readonly" in told or "unable to open" in told or "permission denied" in told:
        return cannot_open(name)
    if "not a database" in told or "malformed" in told:
        return f"The database {name} is damaged ({reason}). Restore a backup."
    return f"The database {name} could not do its work: {reason}"
