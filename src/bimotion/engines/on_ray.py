"""The engine of a Ray cluster: Ray Data distributes batches over worker processes and restarts those that end.

Ray is imported only when it is used. Files are read and written by the workers under the paths of this process, so
machines of a cluster share a file system.
"""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bimotion.engines.engine import Entry, Result, Start, Work, WorkerLost
from bimotion.engines.local import num_cores
from bimotion.errors import BimotionError, ConfigError, DataError, check_range

if TYPE_CHECKING:
    import pyarrow

RETRIES = 2
"""How often a batch is retried after its worker process has ended."""

MAX_BLOCKS = 10_000
"""Most blocks that Ray Data schedules; with more batches a block contains several."""

OBJECT_STORE_BYTES = 512 << 20
"""Shared memory of a cluster that is started on this machine."""

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # Of a cluster that is started on this machine, which may be busy: Ray gives up after some seconds otherwise.
    "RAY_gcs_server_request_timeout_seconds": "300",
    "RAY_gcs_rpc_server_connect_timeout_s": "120",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "300",
}
"""Settings of Ray that the environment can override."""

PREFIX = "BIMOTION_"
"""Environment variables with this prefix are passed on to worker processes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RayEngine:
    """Runs work on the Ray cluster that RAY_ADDRESS names, else on one that is started on this machine."""

    workers: int | None = None
    """Worker processes; None: as many as the cluster has GPUs or cores for."""
    gpus: float = 0.0
    """GPUs of a worker process; a fraction lets several share one."""

    def __post_init__(self) -> None:
        check_range(self, "workers", 1)
        check_range(self, "gpus", 0)

    def map(
        self, start: Start[Entry, Result], entries: Sequence[Entry], batch: int = 1
    ) -> Iterator[tuple[int, Result | WorkerLost]]:
        """Results with the indices of their entries, in the order in which they are finished.

        A batch whose worker process ends is retried, finally entry by entry. The result of an entry that ends its
        worker every time is `WorkerLost`.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster.
        """
        if not entries:
            return
        connect(self.workers)
        missing = list(range(len(entries)))
        for size in (batch, 1):
            batches = [missing[first : first + size] for first in range(0, len(missing), size)]
            finished = set()
            for index, result in self._pass(start, entries, batches):
                finished.add(index)
                yield index, result
            missing = [index for index in missing if index not in finished]
            if not missing:
                return
            logger.warning("%d entries ended their worker process", len(missing))
        for index in missing:
            yield (
                index,
                WorkerLost("its worker process ended whenever it was tried, perhaps for lack of memory"),
            )

    def _pass(
        self, start: Start[Entry, Result], entries: Sequence[Entry], batches: Sequence[Sequence[int]]
    ) -> Iterator[tuple[int, Result]]:
        """Results of batches; a batch is retried up to `RETRIES` times if its worker process ends."""
        import ray
        from ray import cloudpickle

        rows = [
            {"payload": cloudpickle.dumps((list(batch), [entries[index] for index in batch]))}
            for batch in batches
        ]
        with ray.data.DataContext.current(_data_context()):
            outcomes = ray.data.from_items(rows, override_num_blocks=min(len(rows), MAX_BLOCKS)).map_batches(
                _Worker,
                fn_constructor_args=(cloudpickle.dumps((start, Surroundings())),),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(
                    size=self._num_workers(len(rows)), max_tasks_in_flight_per_actor=1
                ),
                num_cpus=1,
                num_gpus=self.gpus,
                max_task_retries=RETRIES,
            )
            for row in outcomes.iter_rows():
                indices, results = cloudpickle.loads(row["payload"])
                if isinstance(results, BaseException):
                    raise results
                yield from zip(indices, results, strict=True)

    def _num_workers(self, batches: int) -> int:
        """Worker processes for so many batches."""
        import ray

        if self.workers is not None:
            return min(self.workers, batches)
        resources = ray.cluster_resources()
        fits = resources.get("GPU", 0) / self.gpus if self.gpus else resources.get("CPU", 1)
        return max(1, min(int(fits), batches))


@dataclass(frozen=True)
class Surroundings:
    """What work depends on besides its entries: the working directory and environment variables."""

    folder: str = field(default_factory=os.getcwd)
    variables: dict[str, str] = field(
        default_factory=lambda: {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    )

    def enter(self) -> None:
        """Set the same working directory and environment in this process.

        Raises:
            DataError: the folder does not exist on this machine.
        """
        if not Path(self.folder).is_dir():
            raise DataError(
                f"{self.folder}: does not exist on {os.uname().nodename}; machines of a Ray cluster need a shared "
                "file system (docs/scale.md)"
            )
        os.chdir(self.folder)
        os.environ.update(self.variables)


class _Worker:
    """A worker process of Ray Data."""

    def __init__(self, sent: bytes) -> None:
        self._sent = sent
        self._work: Work[Any, Any] | None = None

    def __call__(self, batch: "pyarrow.Table") -> "pyarrow.Table":
        import pyarrow

        answers = [self._answer(payload) for payload in batch["payload"].to_pylist()]
        return pyarrow.table({"payload": pyarrow.array(answers, pyarrow.binary())})

    def _answer(self, payload: bytes) -> bytes:
        from ray import cloudpickle

        indices, entries = cloudpickle.loads(payload)
        results: list[Any] | Exception
        try:
            if self._work is None:
                start, surroundings = cloudpickle.loads(self._sent)
                surroundings.enter()
                self._work = start()
            results = list(self._work(entries))
        except Exception as error:  # raised again by the reader of the results
            if not isinstance(error, BimotionError):
                logger.exception("work failed")
            results = error
        answer: bytes = cloudpickle.dumps((indices, results))
        return answer


def connect(workers: int | None = None) -> None:
    """Connect this process to the cluster that RAY_ADDRESS names, else start one on this machine, for `workers`.

    Does nothing where it is connected already.

    Raises:
        ConfigError: Ray is not installed, or there is no cluster at RAY_ADDRESS.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as missing:
        raise ConfigError(
            f"--engine ray needs the package {missing.name}: pip install 'bimotion[scale]'"
        ) from missing
    for handler in logging.getLogger("ray.data").handlers:
        if handler.get_name() == "console":  # the log file in Ray's session folder is complete
            handler.setLevel(logging.CRITICAL)
    if ray.is_initialized():
        return
    address = os.environ.get("RAY_ADDRESS")
    own: dict[str, Any] = {
        "num_cpus": max(workers or 0, num_cores()),
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    with _kept_signal_handler():
        try:
            ray.init(
                address or "local",
                log_to_driver=False,
                logging_level=logging.ERROR,
                **({} if address else own),
            )
        except (
            Exception
        ) as error:  # Ray raises it, for instance if a busy machine takes long to start the cluster
            where = (
                f"RAY_ADDRESS={address}: no Ray cluster can be used there" if address else "Ray did not start"
            )
            raise ConfigError(f"{where} ({str(error).splitlines()[0]})") from error


@contextmanager
def _kept_signal_handler() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, which Ray replaces."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _data_context() -> Any:
    """Settings of Ray Data: no progress output, and no abort when a batch fails."""
    import ray

    context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1
    return context
