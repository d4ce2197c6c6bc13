"""The server with its model on a Ray cluster: replicas of a Ray Serve deployment behind the same page and API.

The process that was started answers requests and keeps uploads, motions and jobs, as without Ray; only work for the
model is sent to a replica, which batches it with the same `Engine`. The model itself is never sent: work that
refers to it gets the replica's own. Ray's HTTP proxy is not used.
"""

import asyncio
import io
import logging
import pickle
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle, serve
from ray.exceptions import RayActorError
from ray.serve.handle import DeploymentHandle

from bimotion.engines.on_ray import Surroundings
from bimotion.errors import BimotionError
from bimotion.models.choices import Precision
from bimotion.server.engine import Call, Engine, Item, Joining, Result, Watch, queue_full
from bimotion.server.service import Service
from bimotion.server.settings import ServerSettings

logger = logging.getLogger(__name__)

RETRIES = 2
"""How often a piece of work is sent again whose replica has ended."""


@dataclass(frozen=True)
class ReplicaSettings:
    """How a replica is set up."""

    server: ServerSettings
    """Limits and library."""
    model: str | Path | None
    """Folder or name of the model."""
    device: str
    """Device that it runs on."""
    precision: Precision
    """Number format that it computes in."""
    surroundings: Surroundings
    """Working directory and environment of the process that starts it."""

    def service(self) -> Service:
        """A server's parts, not started."""
        return Service(self.server, model=self.model, device=self.device, precision=self.precision)


class RayService(Service):
    """A server's parts, whose model's work is done by replicas."""

    def __init__(self, replicas: ReplicaSettings, name: str, workers: int | None = None) -> None:
        super().__init__(
            replicas.server, model=replicas.model, device=replicas.device, precision=replicas.precision
        )
        self._replicas, self._name, self._workers = replicas, name, workers

    def make_engine(self) -> "RemoteEngine":
        """The queue before the replicas."""
        self._remote = RemoteEngine(self)
        return self._remote

    async def load(self) -> None:
        """Start the replicas, and load the model here as well, because requests are checked against it."""
        try:
            self._remote.handle = await asyncio.to_thread(self._deploy)
        except Exception as error:  # Ray raises many kinds
            logger.error("the replicas could not be started: %s", error)
            self.failure = "the replicas could not be started"
            return
        await super().load()

    async def close(self) -> None:
        """Stop everything, the replicas as well."""
        await super().close()
        with suppress(Exception):  # the cluster may have ended before
            await asyncio.to_thread(serve.delete, self._name)

    def _deploy(self) -> DeploymentHandle[Any]:
        """Start the application; returns when a replica has loaded the model."""
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        serve.start(proxy_location="Disabled")
        gpu = self._replicas.device.startswith("cuda")
        most = self._workers or max(1, int(ray.cluster_resources().get("GPU" if gpu else "CPU", 1)))
        return serve.run(application(self._replicas, most), name=self._name, route_prefix=None)


def application(replicas: ReplicaSettings, workers: int) -> serve.Application:
    """1 to `workers` replicas, as many as keep a full batch of requests each."""
    batch = replicas.server.limits.max_batch
    deployment = serve.deployment(Replica).options(
        name="model",
        max_ongoing_requests=2 * batch,  # those in the network, and the next ones
        ray_actor_options={"num_cpus": 1, "num_gpus": float(replicas.device.startswith("cuda"))},
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": workers,
            "target_ongoing_requests": batch,
            "upscale_delay_s": 5,
        },
    )
    application: serve.Application = deployment.bind(cloudpickle.dumps(replicas))
    return application


class RemoteEngine:
    """Sends work for the model to the replicas; at most `max_queue` pieces may wait beside a batch for each replica."""

    handle: DeploymentHandle[Any]
    """The replicas."""

    def __init__(self, service: RayService) -> None:
        self._service, self._in_hand = service, 0

    async def submit(
        self, call: Call[Item, Result] | Joining[Item, Result], watch: Watch, *, follows: bool = False
    ) -> Result:
        """The result of a piece of work; one that `follows` another is never refused.

        Raises:
            ApiError: the queue is full.
            BimotionError: what the work raises.
            Cancelled: `watch` was cancelled.
        """
        limits, metrics = self._service.limits, self._service.metrics
        if self._in_hand >= limits.max_queue + limits.max_batch and not follows:
            raise queue_full(self._in_hand, 0.2)
        self._in_hand += 1
        metrics.waiting.set(self._in_hand)
        try:
            result: Result = await self._result(_pack(call, self._service), watch)
        except asyncio.CancelledError:
            watch.cancel()
            raise
        finally:
            self._in_hand -= 1
            metrics.waiting.set(self._in_hand)
        return result

    async def _result(self, packed: bytes, watch: Watch) -> Any:
        """What a replica answers; the work of one that ended is repeated by another, to the same bits."""
        for attempt in range(RETRIES + 1):
            answers = self.handle.options(stream=True).run.remote(packed)
            try:
                async for answer in answers:
                    kind, value = pickle.loads(answer)
                    if kind == "progress":
                        watch.progress(*value)
                    elif kind == "error":
                        raise value
                    else:
                        return value
            except RayActorError:
                if attempt == RETRIES:
                    raise
                logger.warning("a replica of the model has ended; its work is sent to another")
            except asyncio.CancelledError:
                answers.cancel()
                raise
        raise AssertionError

    def close(self) -> None:
        """Nothing is left to end: the replicas belong to the application."""


class Replica:
    """A process with the model and its queue."""

    async def __init__(self, settings: bytes) -> None:  # type: ignore[misc]  # Ray Serve awaits it
        replica: ReplicaSettings = cloudpickle.loads(settings)
        replica.surroundings.enter()
        self._service = replica.service()
        self._service.engine = Engine(self._service.limits, self._service.metrics)
        await self._service.load()
        if self._service.failure is not None:
            raise RuntimeError(self._service.failure)

    async def run(self, packed: bytes) -> AsyncIterator[bytes]:
        """Progress of a piece of work, and at last its result or error, each pickled."""
        loop, answers = asyncio.get_running_loop(), asyncio.Queue[tuple[str, Any]]()

        def progress(done: int, total: int) -> None:
            loop.call_soon_threadsafe(answers.put_nowait, ("progress", (done, total)))

        async def work() -> None:
            try:
                call = _unpack(packed, self._service)
                # The process that sends the work has counted it.
                answer = ("result", await self._service.engine.submit(call, watch, follows=True))
            except BimotionError as error:
                answer = ("error", error)
            except Exception as error:
                logger.exception("work failed")
                answer = ("error", RuntimeError(f"{type(error).__name__} in a replica"))
            answers.put_nowait(answer)

        watch = Watch(progress)
        task = asyncio.create_task(work())
        try:
            kind = "progress"
            while kind == "progress":
                kind, value = await answers.get()
                yield pickle.dumps((kind, value))
        finally:
            task.cancel()  # with it the work, where the request was cancelled


class _Packer(cloudpickle.CloudPickler):  # type: ignore[misc]  # of unknown type
    """Pickles work, with names in place of the parts of a server that every replica has."""

    def __init__(self, file: io.BytesIO, service: Service) -> None:
        super().__init__(file)
        self._names = {id(part): name for name, part in _parts(service).items()}

    def persistent_id(self, obj: Any) -> str | None:
        """The name of a part of the server."""
        return self._names.get(id(obj))


class _Unpacker(pickle.Unpickler):
    """Unpickles work, which gets the parts of this process."""

    def __init__(self, file: io.BytesIO, service: Service) -> None:
        super().__init__(file)
        self._own = _parts(service)

    def persistent_load(self, pid: str) -> Any:
        """The part of a name."""
        return self._own[pid]


def _parts(service: Service) -> dict[str, Any]:
    return {"service": service, "model": service.model, "captioner": service.captioner}


def _pack(call: Call[Any, Any] | Joining[Any, Any], service: Service) -> bytes:
    file = io.BytesIO()
    _Packer(file, service).dump(call)
    return file.getvalue()


def _unpack(packed: bytes, service: Service) -> Any:
    return _Unpacker(io.BytesIO(packed), service).load()
