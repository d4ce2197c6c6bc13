"""The queue before the model: waiting work of the same kind goes through the network together.

One thread runs the model. Work that arrives while it is busy waits; when it becomes free, it takes the oldest piece and
all others of the same kind, up to a full batch. A lone client is never delayed: only when several pieces were in hand
lately does the thread wait for more, at most 20 ms (`Limits.window_seconds`).

Work for a `Stream`, such as captions, does not wait for a batch: it joins those in hand at the next step and
leaves when it is finished. Between two steps one batch of other work may run.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from bimotion.errors import BimotionError, Cancelled
from bimotion.server.errors import ApiError
from bimotion.server.metrics import Metrics
from bimotion.server.settings import Limits

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

ProgressCallback = Callable[[int, int], None]


class Watch:
    """Progress and cancellation of a request, used from the model's thread."""

    def __init__(self, on_progress: ProgressCallback | None = None) -> None:
        self._cancelled = threading.Event()
        self._on_progress = on_progress

    def cancel(self) -> None:
        """End the work at the next opportunity."""
        self._cancelled.set()

    def cancelled(self) -> bool:
        """Whether the work is to end."""
        return self._cancelled.is_set()

    def progress(self, done: int, total: int) -> None:
        """Report the progress."""
        if self._on_progress is not None:
            self._on_progress(done, total)


@dataclass(frozen=True)
class Call(Generic[Item, Result]):
    """One piece of work for the model."""

    operation: str
    """Its kind, for the metrics."""
    item: Item
    """The input of `run`, in a list with those of other calls of the same key."""
    run: Callable[[Sequence[Item], Watch], Sequence[Result]]
    """Computes the results of several items; runs in the model's thread."""
    key: Hashable = None
    """Calls of equal keys may share a batch; None: alone."""


@runtime_checkable
class Stream(Protocol):
    """Work that advances in steps, which pieces may join between any two."""

    @property
    def busy(self) -> bool:
        """Whether there is work left."""

    @property
    def rows(self) -> int:
        """Number of sequences that a step advances."""

    def add(self, key: Hashable, item: Any) -> None:
        """Let a piece of work join."""

    def drop(self, key: Hashable) -> None:
        """Give a piece of work up."""

    def step(self) -> Sequence[tuple[Hashable, object]]:
        """Do a step; gives the pieces that it finished, by their keys."""


@dataclass(frozen=True)
class Joining(Generic[Item, Result]):
    """One piece of work for a stream."""

    operation: str
    """Its kind, for the metrics."""
    item: Item
    """What joins."""
    stream: Stream
    """The work that it joins."""


@dataclass(eq=False)
class _Waiting:
    call: Call[Any, Any] | Joining[Any, Any]
    watch: Watch
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    since: float = field(default_factory=time.monotonic)


@runtime_checkable
class WorkQueue(Protocol):
    """What takes work for the model: the `Engine` of this process, or replicas elsewhere."""

    async def submit(
        self, call: Call[Item, Result] | Joining[Item, Result], watch: Watch, *, follows: bool = False
    ) -> Result:
        """The result of a piece of work, as `Engine.submit` gives it."""

    def close(self) -> None:
        """End the work."""


class Engine:
    """The model's thread and the queue before it."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits, self._metrics = limits, metrics
        self._queue: deque[_Waiting] = deque()
        self._joined: dict[_Waiting, Stream] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._several = False  # whether several pieces of work were in progress recently
        self._seconds_each = 0.2  # moving average of the time per piece of work
        self._thread = threading.Thread(target=self._work, name="bimotion-model", daemon=True)
        self._thread.start()

    async def submit(
        self, call: Call[Item, Result] | Joining[Item, Result], watch: Watch, *, follows: bool = False
    ) -> Result:
        """The result of a piece of work, when its turn has come; one that `follows` another is never refused.

        Raises:
            ApiError: the queue is full.
            BimotionError: what the work raises.
            Cancelled: `watch` was cancelled.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(call, watch, loop.create_future(), loop)
        with self._changed:
            ahead = len(self._queue) + len(self._joined)
            if self._closed or (ahead >= self._limits.max_queue and not follows):
                raise queue_full(ahead, self._seconds_each)
            self._queue.append(waiting)
            self._metrics.waiting.set(len(self._queue))
            self._changed.notify()
        try:
            result: Result = await waiting.future
        except asyncio.CancelledError:
            watch.cancel()
            raise
        return result

    def close(self) -> None:
        """End the thread after the work in progress; waiting work is cancelled."""
        with self._changed:
            self._closed = True
            left = [*self._queue, *self._joined]
            self._queue.clear()
            self._changed.notify()
        for waiting in left:
            _finish(waiting, Cancelled("the server is shutting down"))
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            if batch:
                started = time.monotonic()
                self._metrics.batches.labels(batch[0].call.operation).observe(len(batch))
                _run(batch)
                seconds = (time.monotonic() - started) / len(batch)
                self._seconds_each += 0.2 * (seconds - self._seconds_each)
            self._step()

    def _next(self) -> list[_Waiting] | None:
        """The next batch, empty where only streams have work; None when the engine is closed."""
        with self._changed:
            while not self._closed:
                self._drop_cancelled()
                self._join()
                if not self._queue:
                    if self._joined:
                        return []
                    self._changed.wait()
                    continue
                first = self._queue[0]
                if not self._joined and self._may_grow(first):
                    self._changed.wait(first.since + self._limits.window_seconds - time.monotonic())
                    continue
                assert isinstance(first.call, Call)
                return self._take(first.call.key)
            return None

    def _join(self) -> None:
        """Let work for streams join them."""
        rest: deque[_Waiting] = deque()
        for waiting in self._queue:
            if isinstance(waiting.call, Joining):
                self._joined[waiting] = waiting.call.stream
                waiting.call.stream.add(waiting, waiting.call.item)
            else:
                rest.append(waiting)
        self._queue = rest
        self._metrics.waiting.set(len(rest))

    def _step(self) -> None:
        """One step of every stream that has work."""
        for waiting in [each for each in self._joined if each.watch.cancelled()]:
            self._joined.pop(waiting).drop(waiting)
            _finish(waiting, Cancelled("cancelled before it was finished"))
        for stream in set(self._joined.values()):
            mine = [waiting for waiting, own in self._joined.items() if own is stream]
            try:
                finished: Sequence[tuple[Any, object]] = stream.step()
            except Exception as error:
                logger.exception("%s failed", mine[0].call.operation)
                finished = [(waiting, error) for waiting in mine]
                for waiting in mine:
                    stream.drop(waiting)
            self._metrics.batches.labels("token").observe(stream.rows)
            with self._changed:
                for waiting, _ in finished:
                    del self._joined[waiting]
            for waiting, outcome in finished:
                _finish(waiting, outcome)

    def _may_grow(self, first: _Waiting) -> bool:
        """Whether it is worth while to wait for more work of the oldest one's kind."""
        key = _key(first)
        same = sum(_key(waiting) == key for waiting in self._queue)
        return (
            key is not None
            and self._several
            and same < self._limits.max_batch
            and time.monotonic() < first.since + self._limits.window_seconds
        )

    def _take(self, key: Hashable) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rest: deque[_Waiting] = deque()
        for waiting in self._queue:
            fits = not batch or (key is not None and _key(waiting) == key)
            (batch if fits and len(batch) < self._limits.max_batch else rest).append(waiting)
        self._queue = rest
        self._several = len(batch) + len(rest) > 1
        self._metrics.waiting.set(len(rest))
        return batch

    def _drop_cancelled(self) -> None:
        for waiting in [each for each in self._queue if each.watch.cancelled()]:
            self._queue.remove(waiting)
            _finish(waiting, Cancelled("cancelled before it began"))


def _key(waiting: _Waiting) -> Hashable:
    return waiting.call.key if isinstance(waiting.call, Call) else None


def queue_full(ahead: int, seconds_each: float) -> ApiError:
    """The refusal of work when too much waits already."""
    seconds = max(1, round(ahead * seconds_each))
    return ApiError(
        "queue_full",
        f"{ahead} requests wait already; try again in about {seconds} s",
        headers={"Retry-After": str(seconds)},
    )


class _AllCancelled(Watch):
    """The watch of a batch: progress goes to all, and the work ends only when all are cancelled."""

    def __init__(self, batch: Sequence[_Waiting]) -> None:
        super().__init__()
        self._batch = batch

    def cancelled(self) -> bool:
        return all(waiting.watch.cancelled() for waiting in self._batch)

    def progress(self, done: int, total: int) -> None:
        for waiting in self._batch:
            waiting.watch.progress(done, total)


def _run(batch: Sequence[_Waiting]) -> None:
    """Compute a batch; if it is refused, each piece of work is computed alone."""
    call = batch[0].call
    assert isinstance(call, Call)
    try:
        results = call.run([waiting.call.item for waiting in batch], _AllCancelled(batch))
    except Exception as error:
        if len(batch) > 1 and isinstance(error, BimotionError) and not isinstance(error, Cancelled):
            for waiting in batch:
                _run([waiting])
            return
        if not isinstance(error, BimotionError):
            logger.exception("%s failed", call.operation)
        for waiting in batch:
            _finish(waiting, error)
        return
    for waiting, result in zip(batch, results, strict=True):
        _finish(waiting, result)


def _finish(waiting: _Waiting, outcome: object) -> None:
    """Hand the outcome to the loop that waits for it."""

    def settle() -> None:
        if waiting.future.done():
            return
        if isinstance(outcome, Exception):
            waiting.future.set_exception(outcome)
        else:
            waiting.future.set_result(outcome)

    try:
        waiting.loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nobody waits any more
        logger.debug("a result came after the server had stopped")
