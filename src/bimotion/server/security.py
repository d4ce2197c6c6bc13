"""Checks of every request before it is read, and headers of every answer; bodies are never buffered."""

import secrets
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bimotion.server.errors import ApiError
from bimotion.server.settings import ServerSettings

BODY_OVERHEAD = 64 << 10
"""Size of a request besides one file, bytes."""

OPEN = ("/", "/healthz", "/readyz", "/docs", "/openapi.json")
"""Addresses that need no token: the page itself contains no secret."""

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""No foreign script, style, frame or connection; nothing of this server in foreign pages."""


class Guard:
    """Refuses requests for other hosts, from other sites, without the token, or too large; sets security headers."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self.app, self.settings = app, settings
        # Base64 is a third longer, and two motions may come in one request.
        self.max_body = 2 * (settings.limits.max_upload_bytes * 4 // 3) + BODY_OVERHEAD

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _set_headers(message, scope["path"])
            await send(message)

        try:
            self._check(scope)
        except ApiError as error:
            await error.response()(scope, receive, send_guarded)
            return
        body = _Body(receive, self.max_body)
        await self.app(scope, body.receive, send_guarded)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = self.settings.hosts
        if hosts is not None and _host(headers.get("host", "")) not in hosts:
            raise ApiError("forbidden", "this server does not answer for that host; --allow-host adds a name")
        path: str = scope["path"]
        if path in OPEN or path.startswith("/static/"):
            return
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise ApiError("forbidden", "pages of other sites may not use this server")
        if self.settings.token is not None and not _has_token(headers, self.settings.token):
            raise ApiError(
                "unauthorized",
                "expected the header Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 15:
            raise ApiError("invalid_request", "content-length: expected a number")
        if int(length) > self.max_body:
            raise ApiError("too_large", f"expected at most {self.max_body} bytes, got {length}")


class _Body:
    """A request's body, cut off with an error when it grows too long."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left, self._limit = receive, limit, limit

    async def receive(self) -> Message:
        """The next part.

        Raises:
            ApiError: the body is too long.
        """
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise ApiError("too_large", f"expected at most {self._limit} bytes")
        return message


def _host(header: str) -> str:
    """The name in a Host header, without the port."""
    name, _, port = header.rpartition(":")
    return name if port.isdecimal() and name and not name.endswith(":") else header


def _has_token(headers: Headers, token: str) -> bool:
    """Whether the request carries the token; the comparison takes constant time."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    equal = secrets.compare_digest(given.strip().encode("utf-8"), token.encode("ascii"))
    return scheme.lower() == "bearer" and equal


def _set_headers(message: MutableMapping[str, Any], path: str) -> None:
    headers = MutableHeaders(raw=message["headers"])
    for name, value in HEADERS.items():
        headers[name] = value
    if not path.startswith("/static/"):
        headers["cache-control"] = "no-store"
    message["headers"] = headers.raw
