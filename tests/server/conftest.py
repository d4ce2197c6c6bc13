"""A server with the smallest model; one for all tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bimotion.server.app import create_app
from bimotion.server.service import Service
from bimotion.server.settings import Limits, ServerSettings

LIMITS = Limits(max_upload_bytes=1_000_000, max_frames=2_000, worker_seconds=90, request_seconds=60)


def wait_until_ready(client: TestClient) -> None:
    for _ in range(600):
        if client.get("/readyz").status_code == 200:
            return
        client.portal.call(_short_rest)  # type: ignore[union-attr]
    raise AssertionError("the server did not become ready")


async def _short_rest() -> None:
    import asyncio

    await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def service(micro_folder: Path) -> Service:
    return Service(ServerSettings(limits=LIMITS), model=micro_folder)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(
        create_app(service), base_url="http://127.0.0.1:8000", raise_server_exceptions=False
    ) as client:
        wait_until_ready(client)
        yield client
