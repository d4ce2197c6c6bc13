"""Requests that follow no schema: none may end in a fault of the server. `make fuzz-server` sends 10,000."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

VALID: dict[str, dict[str, Any]] = {
    "generate": {"text": "a person bows", "seconds": 1, "seed": 1, "variants": 1, "check": False},
    "compose": {"phrases": [{"text": "a person bows", "seconds": 1}], "seed": 1},
    "caption": {"motion": {"id": "A" * 16}},
    "predict": {"motion": {"name": "a.bvh", "data": "SElFUkFSQ0hZ"}, "seconds": 1},
    "inbetween": {"first": {"id": "A" * 16}, "last": {"id": "A" * 16}, "seconds": 1},
    "convert": {"motion": {"id": "A" * 16}, "format": "bvh", "fps": 30},
    "retarget": {"motions": [{"id": "A" * 16}], "character": {"name": "a.glb", "data": "Z2xURg=="}},
    "search": {"text": "a person bows", "count": 3},
    "jobs": {"operation": "caption", "request": {"motion": {"id": "A" * 16}}},
}
NASTY: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        1e308,
        -1e308,
        2**63,
        -(2**70),
        10**400,
        "",
        "\0",
        "\ud800",
        "x" * 5000,
        "../../etc/passwd",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"": {}},
        "<script>",
        "'; DROP",
        "\u202e",
        "NaN",
        "1",
        [1] * 2000,
        {"id": "A" * 16},
    ),
)


def mutated(rng: random.Random, value: Any) -> Any:
    """The value with something in it replaced, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(list(value))
        rest = dict(value)
        kind = rng.random()
        if kind < 0.2:
            del rest[name]
        elif kind < 0.35:
            rest[rng.choice(["x", "__proto__", "", "seed", "model", "path"])] = rng.choice(NASTY)
        else:
            rest[name] = mutated(rng, rest[name])
        return rest
    if isinstance(value, list) and value and rng.random() < 0.6:
        return [mutated(rng, value[0]), *value[1:]] if rng.random() < 0.7 else value * rng.choice([0, 2, 40])
    return rng.choice(NASTY)


def broken_bytes(rng: random.Random, body: Any) -> bytes:
    """A body that is often no JSON."""
    data = bytearray(json.dumps(body).encode())
    kind = rng.randrange(5)
    if kind == 0:
        del data[rng.randrange(len(data)) :]
    elif kind == 1:
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 2:
        data = bytearray(rng.randbytes(rng.randrange(200)))
    elif kind == 3:
        depth = rng.choice([10, 1000, 100_000])
        data = bytearray(b"[" * depth + b"]" * depth)
    return bytes(data)


def malformed(rng: random.Random) -> dict[str, Any]:
    """The arguments of one request."""
    name, body = rng.choice(list(VALID.items()))
    request: dict[str, Any] = {"method": "POST", "url": f"/api/v1/{name}"}
    makers: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"content": json.dumps(mutated(rng, body)), "headers": {"content-type": "application/json"}},
        lambda: {"content": json.dumps(mutated(rng, mutated(rng, body)))},
        lambda: {"content": broken_bytes(rng, body), "headers": {"content-type": "application/json"}},
        lambda: {
            "content": broken_bytes(rng, body),
            "headers": {
                "content-type": rng.choice(["text/plain", "multipart/form-data", "x", "application/xml"])
            },
        },
        lambda: {
            "url": "/api/v1/motions",
            "files": {
                rng.choice(["file", "x"]): (rng.choice(["a.bvh", "a.npz", "a.glb", "", "\\..\\a"]), b"x")
            },
        },
        lambda: {
            "url": "/api/v1/motions",
            "content": b"--b\r\nContent-Disposition: form-data" + rng.randbytes(40),
            "headers": {"content-type": "multipart/form-data; boundary=b"},
        },
        lambda: {
            "method": rng.choice(["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE"]),
            "url": rng.choice(
                [
                    "/api/v1/jobs/%00",
                    "/api/v1/jobs/x/events",
                    "/static/../app.py",
                    "/static/%2e%2e%2fapp.py",
                    "/x",
                ]
            ),
        },
        lambda: {
            "method": "GET",
            "url": f"/api/v1/motions/{'A' * 16}/file",
            "params": {
                rng.choice(["format", "fps", "start", "x"]): rng.choice(["bvh", "nan", "-1", "", "1e999"])
            },
        },
        lambda: {
            "headers": {"content-length": rng.choice(["-1", "x", "99999999999999999999", "7"])},
            "content": b"{}",
        },
        lambda: {
            "url": rng.choice(["/mmcp/generate", "/mmcp/capabilities"]),
            "content": broken_bytes(rng, body),
        },
    )
    return request | rng.choice(makers)()


def send_malformed(client: TestClient, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(count):
        request = malformed(rng)
        answer = client.request(**request)
        assert answer.status_code != 500, (number, request)
        if answer.status_code >= 400 and answer.content and not request["url"].startswith("/mmcp"):
            assert set(answer.json()) == {"code", "detail", "field"}, (number, request)
            assert "Traceback" not in answer.text
            assert "site-packages" not in answer.text
    assert client.get("/readyz").status_code == 200


def test_malformed_requests_are_refused(client: TestClient) -> None:
    send_malformed(client, 300, 0)


@pytest.mark.slow
def test_ten_thousand_malformed_requests_are_refused(client: TestClient) -> None:
    send_malformed(client, 10_000, 1)
