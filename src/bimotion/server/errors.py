"""Errors as clients see them: a code, a sentence, and the field; never a path of the server or a stack trace."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from bimotion.errors import (
    BimotionError,
    Cancelled,
    ConfigError,
    DataError,
    MatchError,
    ModelError,
    MotionFileError,
)

CODES: dict[str, int] = {
    "invalid_request": 422,
    "invalid_motion_file": 422,
    "no_match": 422,
    "unsupported": 422,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "cancelled": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "queue_full": 429,
    "internal": 500,
    "not_ready": 503,
    "timeout": 503,
}
"""Every code with its HTTP status."""

_BY_TYPE: tuple[tuple[type[BimotionError], str], ...] = (
    (MotionFileError, "invalid_motion_file"),
    (ConfigError, "invalid_request"),
    (MatchError, "no_match"),
    (Cancelled, "cancelled"),
    (ModelError, "unsupported"),
    (DataError, "invalid_request"),
    (BimotionError, "invalid_request"),
)
_BY_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
_FIELD = re.compile(r"^(?P<field>[a-z_]+(?:\[\d+\])?): ")
_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:[/\\][\w.+@%~ -]*?)+[/\\](?=[\w.])")
_MAX_DETAIL = 500


class ApiError(Exception):
    """A request that is refused."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field = code, detail, field
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, error: BimotionError) -> "ApiError":
        """An error of the library, with paths reduced to file names."""
        code = next(code for kind, code in _BY_TYPE if isinstance(error, kind))
        detail = without_folders(str(error))
        match = _FIELD.match(detail) if code == "invalid_request" else None
        return cls(code, detail, field=match["field"] if match else None)

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        detail = self.detail if len(self.detail) <= _MAX_DETAIL else f"{self.detail[:_MAX_DETAIL]}..."
        return {"code": self.code, "detail": detail, "field": self.field}

    def response(self) -> JSONResponse:
        """The answer."""
        return JSONResponse(self.body, CODES[self.code], self.headers)


def check_at_most(value: float, limit: float, field: str, unit: str) -> None:
    """Refuse a value above a limit of this server.

    Raises:
        ApiError: it is.
    """
    if value > limit:
        raise ApiError(
            "invalid_request", f"{field}: expected at most {limit:g} {unit}, got {value:g}", field=field
        )


def without_folders(message: str) -> str:
    """The message in one line, with every path reduced to its last part."""
    return _PATH.sub("", " ".join(message.split()))


async def on_api_error(request: Request, error: Exception) -> JSONResponse:
    """Answer a refused request."""
    assert isinstance(error, ApiError)
    return error.response()


async def on_library_error(request: Request, error: Exception) -> JSONResponse:
    """Answer an input that the library refused."""
    assert isinstance(error, BimotionError)
    return ApiError.of(error).response()


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that does not follow the schema: the first fault and its field."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body")
    return ApiError("invalid_request", f"{field or 'body'}: {first['msg']}", field=field or None).response()


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Answer requests that the framework refuses: unknown addresses and methods, broken forms."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, ApiError):  # the framework wraps what ends the reading of a body
        return error.__cause__.response()
    code = _BY_STATUS.get(error.status_code, "invalid_request")
    headers = {"Allow": ", ".join(_methods(request))} if code == "method_not_allowed" else None
    return ApiError(code, str(error.detail), headers=headers).response()


def _methods(request: Request) -> list[str]:
    """The methods that an address has; the framework names those of one of its routes only."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    return sorted(found)


async def on_fault(request: Request, error: Exception) -> JSONResponse:
    """Answer a fault of the server without details; the log has them."""
    return ApiError("internal", "the server failed on this request; its log says why").response()
