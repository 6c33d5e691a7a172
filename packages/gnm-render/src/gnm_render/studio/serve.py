"""Runs the studio on loopback until Ctrl-C."""

import secrets
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import ModuleType

from gnm_core.errors import GnmError

from gnm_render.studio.app import studio
from gnm_render.studio.models import Loaded

HOST = "127.0.0.1"


def serve(models: Sequence[Loaded], port: int, say: Callable[[str], None], uvicorn: ModuleType) -> None:
    """Listen on loopback, say the address, and answer until the user ends it.

    Args:
        models: those on the page.
        port: where; 0 for any that is free.
        say: told the address.
        uvicorn: the server.

    Raises:
        GnmError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # whoever opens the address at once waits, and is not refused
    except OSError as error:
        raise GnmError(
            f"port {port} cannot be used: {error.strerror or error}; leave --port out for a free one"
        ) from error
    with listener:
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        app = studio(models, token, port)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2, ws="none"
        )
        say(f"http://{HOST}:{port}/{token}/")
        server = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
