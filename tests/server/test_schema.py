"""The OpenAPI description is true: schemathesis derives requests from it and checks the answers against it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from bimotion.server.app import create_app
from bimotion.server.command import open_socket
from bimotion.server.service import Service
from bimotion.server.settings import ServerSettings

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def description(micro_folder: Path) -> Iterator[schemathesis.BaseSchema]:
    service = Service(ServerSettings(port=0), model=micro_folder)
    listener = open_socket(service.settings)
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not service.ready:
        time.sleep(0.1)
    yield schemathesis.openapi.from_url(
        f"http://127.0.0.1:{listener.getsockname()[1]}/openapi.json", config=SchemathesisConfig(color=False)
    )
    server.should_exit = True
    thread.join()
    listener.close()


schema = schemathesis.pytest.from_fixture("description")


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_follow_the_description(case: schemathesis.Case) -> None:
    case.call_and_validate(timeout=120)
