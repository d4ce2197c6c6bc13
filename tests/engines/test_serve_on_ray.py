"""`bimotion serve --engine ray` on the cluster of tests/engines/conftest.py."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

import bimotion
from bimotion.motion.clip import Clip
from tests.engines.processes import kill_one

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def server(
    cluster: str, micro_folder: Path, walk: Clip, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """A server with up to 2 replicas, each with batches of 2, before which 4 requests may wait."""
    library = tmp_path_factory.mktemp("library")
    bimotion.save_clip(walk, library / "walk.npy")
    command = [sys.executable, "-m", "bimotion", "serve", "--engine", "ray", "--port", "0", "--workers", "2"]
    options = [
        "--max-queue",
        "4",
        "--max-batch",
        "2",
        "--model",
        str(micro_folder),
        "--library",
        str(library),
    ]
    process = subprocess.Popen(
        [*command, *options], env={**os.environ, "RAY_ADDRESS": cluster}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    try:
        with httpx.Client(base_url=address, timeout=120) as client:
            wait_until_ready(client)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        process.stdout.close()


def wait_until_ready(client: httpx.Client) -> None:
    state, deadline = "", time.monotonic() + 180
    while state != "ready" and time.monotonic() < deadline:
        time.sleep(0.1)
        with suppress(httpx.ConnectError):  # the address is printed before requests are accepted
            state = client.get("/readyz").json()["status"]
        assert state != "failed"
    assert state == "ready"


def generate(client: httpx.Client, seed: int, **more: Any) -> httpx.Response:
    body = {"text": "a person walks", "seed": seed, "seconds": 1, "best": 1, **more}
    return client.post("/api/v1/generate", json=body)


def positions(client: httpx.Client, answer: httpx.Response, folder: Path) -> bytes:
    id = answer.json()["motions"][0]["id"]
    file = folder / "answer.npy"
    file.write_bytes(client.get(f"/api/v1/motions/{id}/file", params={"format": "npy"}).content)
    return bimotion.read_clip(file).joints.tobytes()


def test_a_motion_and_its_caption_are_those_of_the_library(
    server: httpx.Client, micro_folder: Path, tmp_path: Path
) -> None:
    same = bimotion.load(micro_folder).text_to_motion("a person walks", seconds=1, seed=3, best=1, check=True)
    answer = generate(server, 3)
    assert positions(server, answer, tmp_path) == same.joints.tobytes()
    assert same.match is not None
    assert answer.json()["motions"][0]["caption"] == same.match.caption
    refused = generate(server, 3, seconds=1000)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


def test_motions_can_be_continued_joined_captioned_and_searched_for(server: httpx.Client) -> None:
    motion = {"id": generate(server, 4).json()["motions"][0]["id"]}
    for operation, body in (
        ("caption", {"motion": motion}),
        ("predict", {"motion": motion, "seconds": 1, "seed": 0}),
        ("inbetween", {"first": motion, "last": motion, "seconds": 1, "seed": 0}),
        ("search", {"motion": motion, "min_score": 0}),
    ):
        answer = server.post(f"/api/v1/{operation}", json=body)
        assert answer.status_code == 200, (operation, answer.text)


def test_a_job_reports_progress_and_can_be_cancelled(server: httpx.Client) -> None:
    phrases = [{"text": "a person walks", "seconds": 1}, {"text": "a person sits", "seconds": 1}]
    request = {"operation": "compose", "request": {"phrases": phrases, "seed": 0}}
    job = server.post("/api/v1/jobs", json=request).json()["id"]
    with server.stream("GET", f"/api/v1/jobs/{job}/events") as lines:
        events = [json.loads(line[6:]) for line in lines.iter_lines() if line.startswith("data: ")]
    assert events[-1]["state"] == "done"
    assert any(0 < event["done"] < event["total"] for event in events)
    long = {"phrases": 16 * phrases, "seed": 0, "steps": 1000}
    request = {"operation": "compose", "request": long}
    job = server.post("/api/v1/jobs", json=request).json()["id"]
    time.sleep(0.3)
    assert server.delete(f"/api/v1/jobs/{job}").json()["state"] == "cancelled"
    started = time.monotonic()
    assert generate(server, 5).status_code == 200
    assert time.monotonic() - started < 30


def test_more_requests_than_may_wait_are_refused_and_all_others_answered(server: httpx.Client) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda seed: generate(server, seed), range(24)))
    assert {answer.status_code for answer in answers} == {200, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["code"] == "queue_full"
            assert int(answer.headers["retry-after"]) >= 1


def test_requests_whose_replica_is_killed_are_answered_by_another(
    server: httpx.Client, micro_folder: Path, tmp_path: Path
) -> None:
    same = bimotion.load(micro_folder).text_to_motion("a person walks", seconds=1, seed=5, best=1, steps=1000)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(generate, server, seed, steps=1000) for seed in (5, 6, 7, 8)]
        time.sleep(0.3)
        kill_one("ServeReplica")
        answers = [each.result() for each in waiting]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert positions(server, answers[0], tmp_path) == same.joints.tobytes()
