"""The server as a Ray Serve application: one process answers requests, replicas of the model do the work.

The first process is the server as it is without Ray, and keeps motions and jobs; its queue is that of Ray Serve. Work
is sent to the replica with the shortest queue and grouped there into batches. The model is never sent: where work
refers to it, it refers to the replica's own.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import ray
from fastapi import FastAPI
from jaxtyping import Float
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.config import HTTPOptions
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from bimotion.engines.on_ray import Surroundings
from bimotion.errors import BimotionError, ConfigError
from bimotion.inference.model import MotionLanguageModel
from bimotion.models.choices import Precision
from bimotion.server.app import create_app
from bimotion.server.command import open_socket
from bimotion.server.engine import Call, Engine, Item, Joining, Result, Watch
from bimotion.server.errors import ApiError
from bimotion.server.service import Service
from bimotion.server.settings import ServerSettings

logger = logging.getLogger(__name__)

AnyService = TypeVar("AnyService", bound=Service)

APP = "bimotion"
"""Name of the application in the cluster."""

RETRIES = 2
"""How often work is sent again whose replica ended."""


@dataclass(frozen=True)
class Cluster:
    """What the processes of a server on Ray are started with."""

    settings: ServerSettings
    """Address, limits, library."""
    model: str | Path | None
    """Folder or name of the model."""
    device: str
    """Device that it runs on."""
    precision: Precision
    """Number format that it computes in."""
    surroundings: Surroundings
    """Folder and variables of the process that starts them."""

    def service(self, kind: type[AnyService]) -> AnyService:
        """A server's parts."""
        self.surroundings.enter()
        return kind(self.settings, model=self.model, device=self.device, precision=self.precision)


class _Process:
    """The parts of a replica's process, to which work refers."""

    service: Service


def _nothing(value: object) -> None:
    """What is sent of the model, and of the parts of a server."""


def _own_model(sent: None) -> MotionLanguageModel:
    return _Process.service.model


def _own_service(sent: None) -> Service:
    return _Process.service


class RayService(Service):
    """The parts of the process that answers requests; the model works elsewhere."""

    replicas: DeploymentHandle
    """The processes with the model."""

    def make_engine(self) -> Engine:
        """The queue before the replicas."""
        ray.util.register_serializer(MotionLanguageModel, serializer=_nothing, deserializer=_own_model)
        ray.util.register_serializer(RayService, serializer=_nothing, deserializer=_own_service)
        return RemoteEngine(self)

    async def captions(
        self, motions: Sequence[Float[np.ndarray, "_ 263"]], watch: Watch, *, follows: bool = False
    ) -> list[str]:
        """As in one process; each replica batches those that it is sent together."""
        calls = [Call("caption", each, partial(_captions, self.model), "caption") for each in motions]
        return list(await asyncio.gather(*(self.engine.submit(call, watch) for call in calls)))


def _captions(
    model: MotionLanguageModel, items: Sequence[Float[np.ndarray, "_ 263"]], watch: Watch
) -> list[str]:
    return model.features_to_text(items, cancel=watch.cancelled)


class RemoteEngine(Engine):
    """Sends work to the replicas."""

    def __init__(self, service: RayService) -> None:
        self._limits, self._metrics = service.limits, service.metrics
        self._handle = service.replicas
        self._in_hand = 0
        self._seconds_each = 0.2

    async def submit(
        self, call: Call[Item, Result] | Joining[Item, Result], watch: Watch, *, follows: bool = False
    ) -> Result:
        """The result of a piece of work; streams stay in one process, so that none is sent.

        Raises:
            ApiError: the queue is full, or replicas ended again and again.
            BimotionError: what the work raises.
        """
        assert isinstance(call, Call)
        self._in_hand += 1
        self._metrics.waiting.set(self._in_hand)
        started = time.monotonic()
        try:
            outcome = await self._outcome(call)
        except BackPressureError:
            seconds = max(1, round(self._in_hand * self._seconds_each))
            raise ApiError(
                "queue_full",
                f"{self._in_hand} requests wait already; try again in about {seconds} s",
                headers={"Retry-After": str(seconds)},
            ) from None
        except asyncio.CancelledError:
            watch.cancel()
            raise
        finally:
            self._in_hand -= 1
            self._metrics.waiting.set(self._in_hand)
        self._seconds_each += 0.2 * ((time.monotonic() - started) / (self._in_hand + 1) - self._seconds_each)
        if isinstance(outcome, Exception):
            raise outcome
        result: Result = outcome
        return result

    async def _outcome(self, call: Call[Any, Any]) -> Any:
        """What a replica answers; work has no effects, so that another one can do it again."""
        for attempt in range(RETRIES + 1):
            try:
                return await self._handle.run.remote(call)
            except RayActorError:
                if attempt == RETRIES:
                    raise
                logger.warning("a replica of the model ended; %s is sent to another", call.operation)
        raise AssertionError

    def close(self) -> None:
        """Nothing is left to end: replicas belong to the application."""


@serve.deployment(name="model")
class Replica:
    """A process with the model."""

    async def __init__(self, cluster: Cluster) -> None:
        service = cluster.service(Service)
        await service.load()
        if service.failure is not None:
            raise RuntimeError(service.failure)
        _Process.service = service
        self.run.set_max_batch_size(service.limits.max_batch)
        self.run.set_batch_wait_timeout_s(service.limits.window_seconds)

    @serve.batch
    async def run(self, calls: list[Call[Any, Any]]) -> list[Any]:
        """The results of calls, or the exceptions that they raised."""
        return await asyncio.to_thread(outcomes, calls)


@serve.deployment(name="api")
@serve.ingress()
class Api:
    """The process that answers requests."""

    def __init__(self, cluster: Cluster, model: DeploymentHandle) -> None:
        self._service = cluster.service(RayService)
        self._service.replicas = model

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self._service)


def outcomes(calls: Sequence[Call[Any, Any]]) -> list[Any]:
    """The results of calls, or the exceptions that they raised; those of one kind go through the network together."""
    kinds: dict[Hashable, list[int]] = {}
    for index, call in enumerate(calls):
        kinds.setdefault(index if call.key is None else (call.operation, call.key), []).append(index)
    results: dict[int, Any] = {}
    for indices in kinds.values():
        results |= zip(indices, _together([calls[index] for index in indices]), strict=True)
    return [results[index] for index in range(len(calls))]


def _together(calls: Sequence[Call[Any, Any]]) -> list[Any]:
    """The outcomes of calls of one kind; where one is refused, each is computed alone."""
    try:
        return list(calls[0].run([call.item for call in calls], Watch()))
    except BimotionError as error:
        return [error] if len(calls) == 1 else [_together([call])[0] for call in calls]
    except Exception as error:
        logger.exception("%s failed", calls[0].operation)
        return [RuntimeError(f"{type(error).__name__} in a replica")] * len(calls)


def application(cluster: Cluster, workers: int) -> serve.Application:
    """The application: one process for requests, and 1 to `workers` replicas of the model as requests come."""
    limits = cluster.settings.limits
    replica = Replica.options(
        max_ongoing_requests=2 * limits.max_batch,  # one batch in the network, and the next one
        max_queued_requests=limits.max_queue,
        ray_actor_options={"num_cpus": 1, "num_gpus": float(cluster.device.startswith("cuda"))},
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": workers,
            "target_ongoing_requests": limits.max_batch,
        },
    )
    api = Api.options(num_replicas=1, max_ongoing_requests=1_000, ray_actor_options={"num_cpus": 0})
    return api.bind(cluster, replica.bind(cluster))


def run(cluster: Cluster, workers: int | None, on_ready: Callable[[int], None]) -> None:
    """Serve until the process is told to stop; `on_ready` is called with the port when requests are answered.

    Raises:
        ConfigError: there is no cluster, the address cannot be used, or the model cannot be loaded.
    """
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    settings = cluster.settings
    with open_socket(settings) as listener:  # is the port free, and which is it?
        port = listener.getsockname()[1]
    try:
        serve.start(http_options=HTTPOptions(host=settings.host, port=port, location="HeadOnly"))
        most = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        serve.run(application(cluster, most), name=APP, route_prefix="/")
    except RuntimeError as error:
        raise ConfigError(f"Ray Serve could not start the server ({str(error).splitlines()[0]})") from error
    try:
        on_ready(port)
        while True:
            time.sleep(3600)
    finally:
        serve.delete(APP)
