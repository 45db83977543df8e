"""Every refusal as the Matrix error it is: a status, an error code and a sentence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
import structlog
from aiohttp import web

from bridge.failures import frames
from bridge.firm.errors import BridgeError
from bridge.store.engine.store import OwnedElsewhereError, StoreError

log = structlog.get_logger(__name__)

STANDS_BY = "X-Firm-Bridge-Stands-By"
"""The header of an answer by which one process tells another that it is not at work, so that the next one is asked."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class MatrixError(BridgeError):
    """A request that is refused."""

    def __init__(self, status: int, errcode: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.errcode = errcode
        self.message = message


def json_response(body: object, status: int = 200) -> web.Response:
    """An answer in JSON."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def _refusal(status: int, errcode: str, message: str) -> web.Response:
    return json_response({"errcode": errcode, "error": message}, status)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into a Matrix error. What nobody expected is logged."""
    try:
        return await handler(request)
    except MatrixError as error:
        return _refusal(error.status, error.errcode, error.message)
    except web.HTTPNotFound:
        return _refusal(404, "M_UNRECOGNIZED", "There is nothing at this address.")
    except web.HTTPMethodNotAllowed as error:
        answer = _refusal(405, "M_UNRECOGNIZED", f"{request.method} is not possible here.")
        answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer
    except web.HTTPRequestEntityTooLarge:
        return _refusal(413, "M_TOO_LARGE", "The body is larger than the bridge accepts.")
    except web.RequestPayloadError:
        return _refusal(400, "M_NOT_JSON", "The body broke off, or is not packed as its headers say.")
    except web.HTTPException as error:
        return _refusal(error.status, "M_UNKNOWN", error.reason)
    except StoreError as error:
        log.error("request_not_stored", path=request.path, reason=str(error))  # noqa: TRY400 - the reason says it all
        refused = _refusal(503, "M_UNKNOWN", "The bridge cannot store this now. Send it again later.")
        if isinstance(error, OwnedElsewhereError):
            refused.headers[STANDS_BY] = "1"
        return refused
    except Exception as error:  # noqa: BLE001 - logged with its cause; the message could quote what people wrote
        log.error("request_failed", path=request.path, stack=frames(error))  # noqa: TRY400
        return _refusal(500, "M_UNKNOWN", "The bridge failed at this request. Its log says more.")
