"""`bimotion serve`: the page and the API."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from bimotion.cli.options import EngineName, Running, RunningOptions
from bimotion.cli.terminal import note, say
from bimotion.errors import ConfigError

if TYPE_CHECKING:
    from bimotion.server.service import Service
    from bimotion.server.settings import ServerSettings


@dataclass(frozen=True)
class Serve:
    """Serve a web page and an HTTP API on this machine.

    Open the address that is printed in a browser. The API is described at /docs; errors are JSON with a code, a
    sentence and the field. Nothing is loaded from the internet. Needs the extra: pip install 'bimotion[serve]'.

    Only this machine can reach the server, unless --host names another address; a token is required then.

    examples:
      bimotion serve
      bimotion serve --port 9000 --library takes
      BIMOTION_TOKEN=... bimotion serve --host 0.0.0.0
    """

    host: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, arg(metavar="N")] = 8000
    """Port to listen on; 0 takes a free one."""
    token: Annotated[
        str | None, arg(metavar="SECRET", help_behavior_hint="(default: BIMOTION_TOKEN, else none)")
    ] = None
    """Secret that every request must carry. Other users of this machine can read command lines: prefer the variable."""
    allow_host: Annotated[tuple[str, ...], arg(metavar="NAME", help_behavior_hint="")] = ()
    """Further names under which the server is reached, such as that of a reverse proxy."""
    library: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: no search)")] = None
    """Folder of recordings that can be searched."""
    max_queue: Annotated[int, arg(metavar="N")] = 64
    """Requests that may wait for the model; further ones are answered with 429."""
    max_batch: Annotated[int, arg(metavar="N")] = 16
    """Requests that go through the network together."""
    timeout: Annotated[float, arg(metavar="S")] = 120.0
    """Seconds that a request may take."""
    engine: EngineName = "local"
    """local: the model runs in this process. ray: in replicas on a Ray cluster (docs/scale.md), which the variable
    RAY_ADDRESS names; without it, one on this machine."""
    workers: Annotated[
        int | None, arg(metavar="N", help_behavior_hint="(default: as many as there is room for)")
    ] = None
    """Most replicas of the model with --engine ray; there are as many as the requests need."""
    running: RunningOptions = Running()
    """Which model runs, and how."""

    def run(self) -> None:
        """Serve until interrupted."""
        import os

        try:
            from bimotion.server import command
            from bimotion.server.service import Service
            from bimotion.server.settings import Limits, ServerSettings
        except ImportError as missing:
            raise ConfigError(
                f"serve needs the package {missing.name}: pip install 'bimotion[serve]'"
            ) from missing
        settings = ServerSettings(
            host=self.host,
            port=self.port,
            token=self.token or os.environ.get("BIMOTION_TOKEN") or None,
            allowed_hosts=self.allow_host,
            library=self.library,
            limits=Limits(max_queue=self.max_queue, max_batch=self.max_batch, request_seconds=self.timeout),
        )
        if self.workers is not None and self.engine != "ray":
            raise ConfigError("workers: expected --engine ray; without it the model runs in one process")
        listener = command.open_socket(settings)
        port = listener.getsockname()[1]
        running = self.running
        if self.engine == "ray":
            service = self._on_ray(settings, port)
        else:
            service = Service(
                settings, model=running.model, device=running.device, precision=running.precision
            )
        self._announce(settings, port)
        command.run(service, listener)

    def _on_ray(self, settings: "ServerSettings", port: int) -> "Service":
        """A server whose model runs on a Ray cluster."""
        from bimotion.engines.on_ray import Surroundings, connect

        connect(self.workers)
        try:
            from bimotion.server.on_ray import RayService, ReplicaSettings
        except ImportError as missing:
            raise ConfigError(
                f"--engine ray needs the package {missing.name}: pip install 'bimotion[serve,scale]'"
            ) from missing

        running = self.running
        replicas = ReplicaSettings(settings, running.model, running.device, running.precision, Surroundings())
        return RayService(replicas, f"bimotion-{platform.node()}-{port}", self.workers)

    def _announce(self, settings: "ServerSettings", port: int) -> None:
        name = f"[{self.host}]" if ":" in self.host else self.host
        say(f"http://{name}:{port}/")
        if settings.token is not None:
            note("bimotion: requests need the token; the page asks for it")
