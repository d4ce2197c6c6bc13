"""Operations in the background: state, progress as events, cancelling."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any, Literal, get_args

from pydantic import ValidationError

from bimotion.server.answers import JobAnswer
from bimotion.server.engine import Watch
from bimotion.server.errors import ApiError
from bimotion.server.operations import OPERATIONS
from bimotion.server.requests import JobRequest
from bimotion.server.service import Service

logger = logging.getLogger(__name__)

State = Literal["queued", "running", "done", "failed", "cancelled"]

JOB_TIME_FACTOR = 10
"""Time limit of a job, as a multiple of that of a request."""

HEARTBEAT_SECONDS = 15.0
"""Time without progress after which an event says that the job is alive."""


class Job:
    """One operation in the background."""

    def __init__(self, operation: str) -> None:
        self.id = secrets.token_urlsafe(12)
        self.operation = operation
        self.state: State = "queued"
        self.done, self.total = 0, 1
        self.result: dict[str, Any] | None = None
        self.error: dict[str, Any] | None = None
        self.changed = asyncio.Event()
        self.watch = Watch(self._progress)
        self.task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def ended(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in ("done", "failed", "cancelled")

    def answer(self) -> JobAnswer:
        """The job as JSON."""
        return JobAnswer(
            id=self.id,
            operation=self.operation,
            state=self.state,
            done=self.done,
            total=self.total,
            result=self.result,
            error=self.error,
        )

    def set(self, state: State) -> None:
        """Change the state, and wake those who follow the events."""
        self.state = state
        self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def _progress(self, done: int, total: int) -> None:
        """Called from the model's thread."""

        def update() -> None:
            self.done, self.total = done, total
            self.set("running" if self.state == "queued" else self.state)

        self._loop.call_soon_threadsafe(update)


class Jobs:
    """The newest jobs of a server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, request: JobRequest) -> Job:
        """Begin an operation.

        Raises:
            ApiError: its request is wrong, or too many jobs are in progress.
        """
        schema, _ = OPERATIONS[request.operation]
        try:
            body = schema.model_validate(request.request)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(["request", *map(str, first["loc"])])
            raise ApiError("invalid_request", f"{field}: {first['msg']}", field=field) from None
        limits = self._service.limits
        open_jobs = sum(not job.ended for job in self._jobs.values())
        if open_jobs >= limits.max_queue:
            raise ApiError("queue_full", f"{open_jobs} jobs are in progress", headers={"Retry-After": "5"})
        job = Job(request.operation)
        self._jobs[job.id] = job
        for old in [each for each in self._jobs.values() if each.ended][
            : max(len(self._jobs) - limits.stored_jobs, 0)
        ]:
            del self._jobs[old.id]
        job.task = asyncio.create_task(self._run(job, body))
        self._count()
        return job

    def get(self, id: str) -> Job:
        """The job of an id.

        Raises:
            ApiError: there is no such job, or it was dropped.
        """
        job = self._jobs.get(id)
        if job is None:
            raise ApiError("not_found", "there is no such job, or no longer")
        return job

    def cancel(self, id: str) -> Job:
        """End a job; one that has ended stays as it is.

        Raises:
            ApiError: there is no such job.
        """
        job = self.get(id)
        if not job.ended:
            job.watch.cancel()
            if job.task is not None:
                job.task.cancel()
            job.set("cancelled")
            self._count()
        return job

    async def close(self) -> None:
        """End all jobs."""
        for job in self._jobs.values():
            if job.task is not None:
                job.task.cancel()
        await asyncio.gather(*(job.task for job in self._jobs.values() if job.task), return_exceptions=True)

    async def events(self, job: Job) -> AsyncIterator[str]:
        """Server-sent events: `progress` whenever something changes, and at last `end` with the whole job."""
        while not job.ended:
            changed = job.changed
            yield _event("progress", job.answer())
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                continue
        yield _event("end", job.answer())

    async def _run(self, job: Job, body: Any) -> None:
        service = self._service
        _, operation = OPERATIONS[job.operation]
        try:
            answer = await service.timed(
                job.operation,
                lambda watch: operation(service, body, watch),
                job.watch,
                service.limits.request_seconds * JOB_TIME_FACTOR,
            )
        except ApiError as error:
            job.error = error.body
            job.set("cancelled" if error.code == "cancelled" else "failed")
        except asyncio.CancelledError:
            job.set("cancelled")
        except Exception:
            logger.exception("job %s failed", job.operation)
            job.error = ApiError("internal", "the server failed on this job; its log says why").body
            job.set("failed")
        else:
            if not job.ended:
                job.result = answer.model_dump(mode="json")
                job.set("done")
        self._count()

    def _count(self) -> None:
        for state in get_args(State):
            self._service.metrics.jobs.labels(state).set(
                sum(job.state == state for job in self._jobs.values())
            )


def _event(name: str, answer: JobAnswer) -> str:
    return f"event: {name}\ndata: {answer.model_dump_json()}\n\n"
