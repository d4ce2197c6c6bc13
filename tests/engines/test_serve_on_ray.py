"""The server as a Ray Serve application on the cluster of tests/engines/conftest.py."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import bimotion
from tests.engines.processes import kill_one

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def server(cluster: str, micro_folder: Path) -> Iterator[httpx.Client]:
    """A server with a replica that takes 2 requests at once, before which 4 may wait."""
    command = [sys.executable, "-m", "bimotion", "serve", "--engine", "ray", "--port", "0", "--workers", "1"]
    limits = ["--max-queue", "4", "--max-batch", "2", "--model", str(micro_folder)]
    process = subprocess.Popen(
        [*command, *limits], env={**os.environ, "RAY_ADDRESS": cluster}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    with httpx.Client(base_url=address, timeout=120) as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.1)
        yield client
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 143


def generate(client: httpx.Client, seed: int, **more: Any) -> httpx.Response:
    return client.post(
        "/api/v1/generate", json={"text": "a person walks", "seed": seed, "seconds": 1, **more}
    )


def test_a_motion_is_that_of_the_library(server: httpx.Client, micro_folder: Path) -> None:
    answer = generate(server, 3, exact=True).json()
    file = server.get(f"/api/v1/motions/{answer['motions'][0]['id']}/file", params={"format": "npy"})
    (micro_folder / "answer.npy").write_bytes(file.content)
    same = bimotion.load(micro_folder).text_to_motion("a person walks", seconds=1, seed=3, check=True)
    assert bimotion.read_clip(micro_folder / "answer.npy").joints.tobytes() == same.joints.tobytes()
    caption = server.post("/api/v1/caption", json={"motion": {"id": answer["motions"][0]["id"]}})
    assert caption.status_code == 200
    refused = generate(server, 3, seconds=1000)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


def test_more_requests_than_may_wait_are_refused_and_all_others_answered(server: httpx.Client) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda seed: generate(server, seed), range(24)))
    codes = {answer.status_code for answer in answers}
    assert codes == {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["code"] == "queue_full"
            assert int(answer.headers["retry-after"]) >= 1


def test_a_request_whose_replica_is_killed_is_answered_by_the_next(server: httpx.Client) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(generate, server, 5, steps=1000)
        time.sleep(0.2)
        kill_one("ServeReplica:bimotion:model")
        assert waiting.result().status_code == 200
