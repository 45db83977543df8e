"""How a command ends: exit codes that scripts can rely on, each with a sentence, and which error leads to which."""

from __future__ import annotations

from enum import IntEnum

from bridge.configuration import ConfigError
from bridge.firm.errors import BridgeError


class Exit(IntEnum):
    """The exit codes. A code's meaning never changes."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """Make a code that carries its sentence."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "Done; or for `check`: nothing is missing."
    FAULT = 1, "Interrupted by Ctrl-C; or a fault in the program, then the last lines say where: please report them."
    USAGE = 2, "The command line was not understood."
    CONFIGURATION = 3, "The configuration cannot be used. Each problem is named with its key and remedy."
    UNREACHABLE = 4, "The homeserver or the bridge did not answer. Look whether it runs at the configured address."
    TOKEN_REJECTED = 5, "The homeserver does not accept the bridge's token. Compare it with the registration."
    SOMETHING_MISSING = 6, "Something the rules need is missing. `firm-bridge check` lists it with the remedies."
    DIRECTORY = 7, "The firm's directory cannot be used. Each problem is named with file, line and column."
    DATABASE = 8, "The database cannot be opened or failed."
    LISTEN = 9, "The bridge cannot listen at its address, for example because another process does."
    INCOMPLETE = 10, "Some steps failed; the rest was done. Running the command again tries them again."
    REFUSED = 11, "The homeserver refused a request that should be allowed."
    EXISTS = 12, "A file that would be written exists already. Nothing was changed."
    NOT_FOUND = 13, "What the command names is not there."
    ENDED = 14, "`dev`: Synapse or the bridge ended by itself, or did not come up."
    TAMPERED = 15, "The audit log is not as it was written. The message says from which entry on."
    DIFFERENT = 16, "`check --deep`: Matrix, the database and the directory differ. Each difference is printed."
    RUNNING = 17, "Another process of the bridge uses the database. Nothing was changed."
    HELD = (
        18,
        "A change of the directory waits for a firm admin. If it takes away too much or was taken back, nothing of the"
        " directory is taken over until it is confirmed; if it only lets in too many people, everything else was taken"
        " over at once.",
    )
    SOURCE = 19, "A source of the directory, such as Smokeball, refused or did not answer. Nothing was changed."
    BACKUP = 20, "A backup could not be made, read or put back. The message says why, and nothing is left half done."


class Stop(BridgeError):  # noqa: N818 - no error: what ends the program
    """Ends a command with a message for the person who typed it, and an exit code."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


def exit_for(error: Exception) -> Exit | None:
    """The exit code an error leads to, or None for one that nobody foresaw."""
    # Imported here, so that `firm-bridge --help` and `init` load none of it; and from where no error loads the bridge.
    from bridge.backup.sealed import BackupError
    from bridge.directory.problems import DirectoryError
    from bridge.directory.sources.port import SourceError
    from bridge.filing.trouble import BackendMissingError
    from bridge.matrix.errors import (
        GuardAwayError,
        NotServerAdminError,
        RequestError,
        TokenRejectedError,
        UnreachableError,
    )
    from bridge.store.engine.errors import OwnedElsewhereError, StoreError
    from bridge.store.record.audit import TamperedError
    from bridge.web.listening import ListenError

    table: tuple[tuple[type[Exception], Exit], ...] = (
        (ConfigError, Exit.CONFIGURATION),
        (BackendMissingError, Exit.SOMETHING_MISSING),
        (GuardAwayError, Exit.SOMETHING_MISSING),
        (UnreachableError, Exit.UNREACHABLE),
        (TokenRejectedError, Exit.TOKEN_REJECTED),
        (NotServerAdminError, Exit.SOMETHING_MISSING),
        (DirectoryError, Exit.DIRECTORY),
        (SourceError, Exit.SOURCE),
        (BackupError, Exit.BACKUP),
        (TamperedError, Exit.TAMPERED),
        (OwnedElsewhereError, Exit.RUNNING),
        (StoreError, Exit.DATABASE),
        (ListenError, Exit.LISTEN),
        (RequestError, Exit.REFUSED),
    )
    return next((code for kind, code in table if isinstance(error, kind)), None)
