"""Who may ask: only a page of ours, on this machine, that knows the token in its address."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

LARGEST_BODY = 24 * 2**20
"""Bytes of a request's body, at most: a large photograph."""
TOO_LARGE = f"larger than {LARGEST_BODY // 2**20} MiB"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Of every answer: nothing from elsewhere is loaded, nothing is kept, and the token leaves in no referrer."""


class TooLarge(Exception):
    """A body is larger than `LARGEST_BODY`, though it did not say so; the guarded application answers with 413."""


class Guard:
    """Lets through what comes from this machine's own page; everything else is refused before it is read.

    A name that somebody points at 127.0.0.1 (DNS rebinding) fails by its Host, another page's request by its Origin,
    and everything without the token by its address: `/TOKEN/...`.

    Args:
        app: what is guarded; it sees addresses without the token.
        token: known to the user alone.
        port: where the server listens.
    """

    def __init__(self, app: App, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
        self.origins = frozenset(f"http://{host}" for host in self.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _answer(send, *refusal)
            return
        inside = {**scope, "path": scope["path"][len(self.token) + 1 :] or "/", "root_path": f"/{self.token}"}
        inside["raw_path"] = inside["path"].encode()
        await self.app(inside, _limited(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if scope["type"] != "http":
            return 400, "http only"
        headers = scope["headers"]
        origin, site = _only(headers, b"origin"), _only(headers, b"sec-fetch-site")
        first = scope["path"].split("/")[1] if scope["path"].startswith("/") else ""
        declared = _only(headers, b"content-length") or "0"
        checks = (
            (_only(headers, b"host") in self.hosts, 421, "this server answers to 127.0.0.1 and localhost only"),
            (origin is None or origin in self.origins, 403, "another page may not ask here"),
            (site not in ("cross-site", "same-site"), 403, "another page may not ask here"),
            (
                secrets.compare_digest(first.encode(), self.token.encode()),
                *(404, "nothing here; take the whole address that gnm studio printed"),
            ),
            (declared.isdigit() and int(declared) <= LARGEST_BODY, 413, TOO_LARGE),
        )
        return next(((status, text) for sound, status, text in checks if not sound), None)


def _only(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """The header of this name; two of them are as good as a wrong one."""
    found = [value for key, value in headers if key == name]
    return None if not found else found[0].decode("latin-1") if len(found) == 1 else ""


def _limited(receive: Receive) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            raise TooLarge
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            names = {name for name, _ in HEADERS}
            own = [pair for pair in message.get("headers", ()) if pair[0] not in names]
            message = {**message, "headers": [*own, *HEADERS]}
        await send(message)

    return with_headers


async def _answer(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
