"""The addresses under /api/v1."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, File, Path, Query, Request, UploadFile
from fastapi.responses import Response, StreamingResponse

from bimotion.features.layout import FPS
from bimotion.motion.formats import READS
from bimotion.server import answers, operations, requests
from bimotion.server.engine import Watch
from bimotion.server.errors import ApiError
from bimotion.server.files import MEDIA_TYPES, read_upload, retarget_file, written_file
from bimotion.server.jobs import Jobs
from bimotion.server.service import Service

Answer = TypeVar("Answer")

ResourceId = Annotated[str, Path(pattern="^[A-Za-z0-9_-]{16}$")]


async def answered(
    service: Service, request: Request, operation: str, work: Callable[[Watch], Awaitable[Answer]]
) -> Answer:
    """The answer of an operation; it is cancelled when the client disconnects."""
    task = asyncio.create_task(service.timed(operation, work, Watch(), service.limits.request_seconds))
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise ApiError("cancelled", "the client has gone away")
        return await task
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def operation_routes(service: Service) -> APIRouter:
    """Text to motion, motion to text, prediction, in-betweening and search."""
    router = APIRouter()

    @router.get("/capabilities")
    async def capabilities() -> dict[str, Any]:
        """What this server's model can do, and the limits of requests."""
        model, limits = service.model, service.limits
        return {
            "model": service.info.model_dump(),
            "operations": [*operations.OPERATIONS, "convert", "retarget"],
            "min_seconds": model.min_frames / FPS,
            "max_seconds": model.max_frames / FPS,
            "fps": FPS,
            "library": service.has_library,
            "formats": {"read": list(READS), "write": list(MEDIA_TYPES)},
            "limits": {name: getattr(limits, name) for name in sorted(vars(limits))},
        }

    @router.post("/generate")
    async def generate(request: Request, body: requests.GenerateRequest) -> answers.MotionsAnswer:
        """Turn a sentence into one or several motions."""
        answer: answers.MotionsAnswer = await run(request, body, "generate")
        return answer

    @router.post("/compose")
    async def compose(request: Request, body: requests.ComposeRequest) -> answers.MotionsAnswer:
        """Turn phrases that follow each other into one motion."""
        answer: answers.MotionsAnswer = await run(request, body, "compose")
        return answer

    @router.post("/caption")
    async def caption(request: Request, body: requests.CaptionRequest) -> answers.CaptionAnswer:
        """Caption a motion."""
        answer: answers.CaptionAnswer = await run(request, body, "caption")
        return answer

    @router.post("/predict")
    async def predict(request: Request, body: requests.PredictRequest) -> answers.MotionsAnswer:
        """Continue a motion."""
        answer: answers.MotionsAnswer = await run(request, body, "predict")
        return answer

    @router.post("/inbetween")
    async def inbetween(request: Request, body: requests.InbetweenRequest) -> answers.MotionsAnswer:
        """Join two motions by generated motion."""
        answer: answers.MotionsAnswer = await run(request, body, "inbetween")
        return answer

    @router.post("/search")
    async def search(request: Request, body: requests.SearchRequest) -> answers.SearchAnswer:
        """Find recordings of the library by a sentence or by an example."""
        answer: answers.SearchAnswer = await run(request, body, "search")
        return answer

    async def run(request: Request, body: requests.Schema, name: str) -> Any:
        _, operation = operations.OPERATIONS[name]
        return await answered(service, request, name, lambda watch: operation(service, body, watch))

    return router


def file_routes(service: Service) -> APIRouter:
    """Uploads, downloads, conversion and retargeting."""
    router = APIRouter()

    @router.post("/motions", status_code=201)
    async def upload(request: Request, file: Annotated[UploadFile, File()]) -> answers.UploadAnswer:
        """Send a motion file, to be captioned, continued, joined or written in another format by its id."""
        return await answered(service, request, "upload", lambda watch: read_upload(service, file))

    @router.get("/motions/{id}")
    async def motion(id: ResourceId) -> answers.MotionAnswer:
        """A stored motion."""
        return answers.MotionAnswer.of(id, service.motions.get(id))

    @router.get("/motions/{id}/file", response_class=Response)
    async def download(
        request: Request, id: ResourceId, options: Annotated[requests.FileQuery, Query()]
    ) -> Response:
        """A stored motion as a file."""
        body = requests.ConvertRequest(motion=requests.KeptMotion(id=id), **options.model_dump())
        return await convert(request, body)

    @router.post("/convert", response_class=Response)
    async def convert(request: Request, body: requests.ConvertRequest) -> Response:
        """Write a motion as a file of another format, with other names, units or rate."""
        return await answered(service, request, "convert", lambda watch: written_file(service, body))

    @router.post("/retarget", response_class=Response)
    async def retarget(request: Request, body: requests.RetargetRequest) -> Response:
        """Retarget motions to a character, which keeps its mesh and materials."""
        return await answered(service, request, "retarget", lambda watch: retarget_file(service, body))

    return router


def job_routes(jobs: Jobs) -> APIRouter:
    """Operations in the background."""
    router = APIRouter(prefix="/jobs")

    @router.post("", status_code=202)
    async def start(body: requests.JobRequest) -> answers.JobAnswer:
        """Begin an operation."""
        return jobs.start(body).answer()

    @router.get("/{id}")
    async def state(id: ResourceId) -> answers.JobAnswer:
        """Progress of a job, with its result when it is done."""
        return jobs.get(id).answer()

    @router.get("/{id}/events", response_class=StreamingResponse)
    async def events(id: ResourceId) -> StreamingResponse:
        """Server-sent events: `progress`, and at last `end` with the whole job."""
        return StreamingResponse(jobs.events(jobs.get(id)), media_type="text/event-stream")

    @router.delete("/{id}")
    async def cancel(id: ResourceId) -> answers.JobAnswer:
        """End a job."""
        return jobs.cancel(id).answer()

    return router
