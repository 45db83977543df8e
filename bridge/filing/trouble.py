"""What is wrong with the filing cabinet, told in sentences that name no file and no secret."""

from __future__ import annotations

import errno
import os

from bridge.firm.errors import BridgeError

_SUBJECT = "The filing cabinet"
_SEE_WHETHER = "See whether the server or the share that it stands on is well."
_WORDS = {
    errno.ENOSPC: "is full: no space is left where it stands.",
    errno.EDQUOT: "is full: the bridge may use no more space where it stands.",
    errno.EFBIG: "takes no file of that size.",
    errno.EACCES: "refuses the bridge: it has no right to write there.",
    errno.EPERM: "refuses the bridge: it has no right to write there.",
    errno.EROFS: "cannot be written: it stands on a file system that is read-only.",
    errno.ENOENT: "is not there. Make its folder, or mount the share it stands on.",
    errno.EBUSY: "is locked: somebody has it open in another program.",
    errno.ETIMEDOUT: f"does not answer. {_SEE_WHETHER}",
    errno.EAGAIN: "is too busy to take files now.",
    errno.EIO: "cannot be used: its server says no more than that it failed. Perhaps it is full.",
}
_FORGOTTEN = frozenset({0, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.EIO})
"""After these a connection may be broken. All others are answers, which came over one that works."""
_BY_KIND = ((FileNotFoundError, errno.ENOENT), (PermissionError, errno.EACCES), (TimeoutError, errno.ETIMEDOUT))
# By their names, since these packages are installed only where that kind of place is used.
_BY_NAME = {
    "webdav4.client.InsufficientStorage": errno.ENOSPC,
    "webdav4.client.ResourceLocked": errno.EBUSY,
    "webdav4.client.ForbiddenOperation": errno.EACCES,
    "webdav4.client.ResourceNotFound": errno.ENOENT,
    "webdav4.client.BadGatewayError": errno.EAGAIN,
    "httpx.TimeoutException": errno.ETIMEDOUT,
    "httpx.ConnectError": errno.ECONNREFUSED,
    "httpx.TransportError": errno.ECONNRESET,
    "asyncssh.misc.ConnectionLost": errno.ECONNRESET,
    "asyncssh.misc.PermissionDenied": errno.EACCES,
    "botocore.exceptions.ConnectTimeoutError": errno.ETIMEDOUT,
    "botocore.exceptions.ReadTimeoutError": errno.ETIMEDOUT,
    "botocore.exceptions.EndpointConnectionError": errno.ECONNREFUSED,
}
_BY_STATUS = {
    401: errno.EACCES,
    403: errno.EACCES,
    404: errno.ENOENT,
    413: errno.EFBIG,
    423: errno.EBUSY,
    429: errno.EAGAIN,
    502: errno.EAGAIN,
    503: errno.EAGAIN,
    504: errno.ETIMEDOUT,
    507: errno.ENOSPC,
}
_BY_SFTP_CODE = {
    2: errno.ENOENT,
    3: errno.EACCES,
    4: errno.EIO,
    6: errno.ECONNRESET,
    7: errno.ECONNRESET,
    12: errno.EROFS,
    14: errno.ENOSPC,
    15: errno.EDQUOT,
    17: errno.EBUSY,
}
"""draft-ietf-secsh-filexfer-13, section 9.1; version 3, which OpenSSH speaks, has those up to 8."""


class CabinetError(BridgeError):
    """The cabinet, or one place in it, cannot be used now. The message says why and what to do."""

    def of(self, subject: str) -> str:
        """The message, of a part of the cabinet."""
        return str(self).replace(_SUBJECT, subject, 1)


class NoAnswerError(CabinetError):
    """The cabinet does not come to an end with what it was asked for, and what it was asked may still happen."""


class BackendMissingError(CabinetError):
    """The package that speaks to the cabinet's kind of place is not installed, or there is no such kind."""


class NameTakenError(BridgeError):
    """Something else has that name in the cabinet."""


def as_cabinet_error(error: Exception) -> CabinetError:
    """The same without the error's own words, in which there may be a path, an address or a credential."""
    number = _number(error)
    reason = os.strerror(number) if number > 0 else type(error).__name__
    words = _WORDS.get(number, f"cannot be used: {reason}. `firm-bridge check` tries it.")
    return CabinetError(f"{_SUBJECT} {words}")


def no_answer(seconds: float) -> NoAnswerError:
    return NoAnswerError(f"{_SUBJECT} has not answered for {seconds:.0f} seconds. {_SEE_WHETHER}")


def breaks_connection(error: Exception) -> bool:
    """Whether the connection is better made anew after this error."""
    return _number(error) in _FORGOTTEN


def _number(error: Exception) -> int:
    """The number that the operating system has for what went wrong; 0 for none."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    for kind, number in _BY_KIND:
        if isinstance(error, kind):
            return number
    for base in type(error).__mro__:
        if found := _BY_NAME.get(f"{base.__module__}.{base.__name__}"):
            return found
        if f"{base.__module__}.{base.__name__}" == "asyncssh.sftp.SFTPError":
            return _BY_SFTP_CODE.get(getattr(error, "code", 0), 0)
    return _BY_STATUS.get(getattr(getattr(error, "response", None), "status_code", 0), 0)
