"""Starting the server from a command line."""

import logging
import socket

import uvicorn

from bimotion.errors import ConfigError
from bimotion.server.app import create_app
from bimotion.server.service import Service
from bimotion.server.settings import ServerSettings


def open_socket(settings: ServerSettings) -> socket.socket:
    """The listening socket.

    Raises:
        ConfigError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"port: {settings.host}:{settings.port} cannot be used ({error.strerror}); choose another with --port"
        ) from None
    return listener


def run(service: Service, listener: socket.socket) -> None:
    """Serve until the process is told to stop."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        create_app(service),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=32 << 10,
        http="h11",  # httptools, which uvicorn prefers where it is installed, has no such limit
        ws="none",
    )
    uvicorn.Server(config).run(sockets=[listener])
