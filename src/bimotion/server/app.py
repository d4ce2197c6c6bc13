"""The application: its addresses and files."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from bimotion.errors import BimotionError
from bimotion.server import answers, errors
from bimotion.server.errors import ApiError
from bimotion.server.jobs import Jobs
from bimotion.server.metrics import CONTENT_TYPE
from bimotion.server.mmcp import mmcp_app
from bimotion.server.reference import reference_page
from bimotion.server.routes import file_routes, job_routes, operation_routes
from bimotion.server.security import Guard
from bimotion.server.service import Service

STATIC = Path(__file__).parent / "static"
VIEWER = Path(__file__).parents[1] / "render" / "static" / "viewer.js"
PAGE_FILES = {name: STATIC / name for name in ("app.js", "app.css", "character.js")} | {"viewer.js": VIEWER}
"""Files of the page, by their names under /static/."""

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.ErrorAnswer} for status in sorted(set(errors.CODES.values()))
}


def create_app(service: Service) -> FastAPI:
    """The server's application; the service starts and stops with it."""
    jobs = Jobs(service)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await jobs.close()
            await service.close()

    app = FastAPI(
        title="bimotion",
        version="1",
        description="Text to human motion and human motion to text.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
    )
    app.add_middleware(Guard, settings=service.settings)
    app.add_exception_handler(ApiError, errors.on_api_error)
    app.add_exception_handler(BimotionError, errors.on_library_error)
    app.add_exception_handler(RequestValidationError, errors.on_invalid)
    app.add_exception_handler(HTTPException, errors.on_http)
    app.add_exception_handler(Exception, errors.on_fault)
    app.include_router(operation_routes(service), prefix="/api/v1", tags=["operations"])
    app.include_router(file_routes(service), prefix="/api/v1", tags=["files"])
    app.include_router(job_routes(jobs), prefix="/api/v1", tags=["jobs"])
    app.include_router(_health_routes(service), tags=["health"])
    app.mount("/mmcp", mmcp_app(service))
    app.include_router(_page_routes(app), include_in_schema=False)
    return app


def _health_routes(service: Service) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the server is alive."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Whether the model has been loaded."""
        if service.ready:
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "failed" if service.failure else "loading"}, 503, {"Retry-After": "2"})

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters in Prometheus's text format."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    return router


@cache
def _packed(path: Path) -> bytes:
    """A file of the page, compressed."""
    return gzip.compress(path.read_bytes())


def _page_routes(app: FastAPI) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()))

    @router.get("/static/{name}")
    async def static(name: str, request: Request) -> Response:
        if name not in PAGE_FILES:
            raise ApiError("not_found", "there is no such file")
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        accepted = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if accepted else {})
        content = await asyncio.to_thread(_packed if accepted else Path.read_bytes, PAGE_FILES[name])
        return Response(content, headers=headers, media_type=f"{kind}; charset=utf-8")

    return router
