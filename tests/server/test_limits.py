"""What is refused, and with which words."""

import base64
import io
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import bimotion
from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip
from bimotion.server.app import create_app
from bimotion.server.service import Service
from bimotion.server.settings import Limits, ServerSettings
from tests.server.conftest import LIMITS, wait_until_ready


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("generate", {"text": "x" * 1001}, "text", "at most 1000 characters, got 1001"),
        ("generate", {"text": "  "}, "text", "at least 1 character"),
        ("generate", {"text": "a bow", "variants": 5}, "variants", "at most 4 motions, got 5"),
        ("generate", {"text": "a bow", "seconds": 60}, "seconds", "expected 1 to 9.8"),
        ("generate", {"text": "a bow", "seconds": "4"}, "seconds", "valid number"),
        ("generate", {"text": "a bow", "seed": -1}, "seed", "greater than or equal to 0"),
        ("generate", {"text": "a bow", "steps": 2000}, "steps", "at most 1000 steps"),
        ("generate", {"text": "a bow", "guidance": 2}, "guidance", "Extra inputs are not permitted"),
        ("generate", {}, "text", "Field required"),
        ("compose", {"phrases": [{"text": "a bow"}] * 33}, "phrases", "at most 32 phrases"),
        ("compose", {"phrases": [{"text": "a bow", "seconds": 61}]}, "phrases", "at most 60 seconds in all"),
        ("caption", {"motion": {"id": "A" * 16}}, "motion.id", "there is no such motion"),
        ("caption", {"motion": {"name": "a.bvh", "data": "?"}}, "motion.data", "base64"),
        ("predict", {"motion": {"id": "A" * 16}, "seconds": 61}, "seconds", "at most 60 seconds"),
        ("search", {"text": "a bow"}, None, "no library"),
        ("jobs", {"operation": "generate", "request": {"text": 3}}, "request.text", "valid string"),
    ],
)
def test_refusals_name_the_field(
    client: TestClient, path: str, body: dict[str, object], field: str | None, words: str
) -> None:
    answer = client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code in (404, 422)
    assert set(answer.json()) == {"code", "detail", "field"}
    assert answer.json()["field"] == field
    assert words in answer.json()["detail"]


def test_uploads_are_bounded(client: TestClient) -> None:
    limit = LIMITS.max_upload_bytes
    answer = client.post("/api/v1/motions", files={"file": ("a.bvh", b"x" * (limit + 1))})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    inline = {"name": "a.bvh", "data": base64.b64encode(b"x" * (limit + 9)).decode()}
    answer = client.post("/api/v1/caption", json={"motion": inline})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_bodies_are_cut_off_while_they_arrive(client: TestClient) -> None:
    sent = 0

    def endless() -> object:
        nonlocal sent
        while sent < 100 * LIMITS.max_upload_bytes:
            sent += 65536
            yield b" " * 65536

    answer = client.post("/api/v1/generate", content=endless(), headers={"content-type": "application/json"})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_long_motions_are_refused(client: TestClient, walk: Clip) -> None:
    import numpy as np

    buffer = io.BytesIO()
    bimotion.save_clip(Clip(np.repeat(walk.joints[:1], 2001, 0)[:, :, :], 20.0), buffer, format=".npz")
    answer = client.post("/api/v1/motions", files={"file": ("a.npz", buffer.getvalue())})
    assert answer.status_code in (413, 422)
    assert "2000 frames, got 2001" in answer.json()["detail"] or answer.json()["code"] == "too_large"


@pytest.mark.parametrize(
    "name", ["a.bvh", "<script>alert(1)</script>.bvh", "../../etc/passwd.bvh", "a.exe", "noend"]
)
def test_broken_files_are_named_as_the_client_named_them(client: TestClient, name: str) -> None:
    answer = client.post("/api/v1/motions", files={"file": (name, b"HIERARCHY\nROOT ")})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_motion_file")
    assert "/" not in answer.json()["detail"].replace("</script>", "")
    assert "tmp" not in answer.json()["detail"]
    assert "upload" not in answer.json()["detail"]


def test_a_server_for_all_needs_a_token() -> None:
    with pytest.raises(ConfigError, match="give a token"):
        ServerSettings(host="0.0.0.0")
    with pytest.raises(ConfigError, match="8 to 200"):
        ServerSettings(token="short")


def test_the_token_is_asked_for(micro_folder: Path) -> None:
    settings = ServerSettings(token="correct-horse", limits=LIMITS)
    app = create_app(Service(settings, model=micro_folder))
    with TestClient(app, base_url="http://localhost:8000") as client:
        for header in (None, "Bearer wrong-horse", "Basic correct-horse", "Bearer correct-hors\u00e9"):
            headers = {} if header is None else {"authorization": header.encode("utf-8")}
            for path in ("/api/v1/capabilities", "/metrics"):
                answer = client.get(path, headers=headers)  # type: ignore[arg-type]
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert client.get("/").status_code == 200
        wait_until_ready(client)
        answer = client.get("/api/v1/capabilities", headers={"authorization": "Bearer correct-horse"})
        assert answer.status_code == 200


def test_other_hosts_and_other_sites_are_refused(client: TestClient) -> None:
    answer = client.get("/api/v1/capabilities", headers={"host": "rebound.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = client.get("/api/v1/capabilities", headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    answer = client.options(
        "/api/v1/generate", headers={"origin": "http://evil.example", "access-control-request-method": "POST"}
    )
    assert "access-control-allow-origin" not in answer.headers


def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/api/v1/capabilities", "/nowhere", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'none'; script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_a_full_queue_says_when_to_come_back(micro_folder: Path) -> None:
    import threading

    limits = Limits(max_queue=1)
    service = Service(ServerSettings(limits=limits), model=micro_folder)
    with TestClient(create_app(service), base_url="http://127.0.0.1") as client:
        wait_until_ready(client)
        started, blocked = threading.Event(), threading.Event()

        def block(text: object, **settings: object) -> object:
            started.set()
            blocked.wait(20)
            raise ConfigError("text: enough")

        service.model.text_to_motion = block  # type: ignore[method-assign, assignment]
        request = {"text": "a bow"}
        threads = []
        for _ in range(2):  # one in the model's hands, one in the queue
            threads.append(
                threading.Thread(target=client.post, args=("/api/v1/generate",), kwargs={"json": request})
            )
            threads[-1].start()
            assert started.wait(20)
        _wait_for(lambda: "bimotion_queue_length 1.0" in client.get("/metrics").text)
        answer = client.post("/api/v1/generate", json=request)
        blocked.set()
        for thread in threads:
            thread.join()
    assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1


def test_requests_have_an_end(micro_folder: Path, walk: Clip) -> None:
    service = Service(ServerSettings(limits=Limits(request_seconds=0.05)), model=micro_folder)
    buffer = io.BytesIO()
    bimotion.save_clip(walk, buffer, format=".npy")
    with TestClient(create_app(service), base_url="http://127.0.0.1") as client:
        wait_until_ready(client)
        motion = {"name": "a.npy", "data": base64.b64encode(buffer.getvalue()).decode()}
        answer = client.post("/api/v1/predict", json={"motion": motion, "seconds": 60})
    assert (answer.status_code, answer.json()["code"]) == (503, "timeout")


def _wait_for(condition: object) -> None:
    import time

    assert callable(condition)
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")
