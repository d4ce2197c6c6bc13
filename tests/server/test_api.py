"""What the API answers."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import bimotion
from bimotion.motion.clip import Clip
from bimotion.server.service import Service, model_fingerprint


@pytest.fixture(scope="module")
def bvh(walk: Clip) -> bytes:
    buffer = io.BytesIO()
    bimotion.save_clip(walk, buffer, format=".bvh")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def walk_id(client: TestClient, bvh: bytes) -> str:
    answer = client.post("/api/v1/motions", files={"file": ("a walk.bvh", bvh)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def viewed_joints(view: dict[str, Any]) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(view["joints"]), "<u2").reshape(-1, 22, 3)
    return np.asarray(view["origin"]) + steps * view["step"]


def test_a_seed_gives_what_the_library_gives(client: TestClient, micro_folder: Path) -> None:
    request = {"text": "a person walks forward", "seconds": 2, "seed": 5, "variants": 2, "exact": True}
    answer = client.post("/api/v1/generate", json=request).json()
    model = bimotion.load(micro_folder)
    assert answer["model"]["fingerprint"] == model_fingerprint(micro_folder)
    assert [motion["seed"] for motion in answer["motions"]] == [5, 6]
    for motion in answer["motions"]:
        expected = model.text_to_motion("a person walks forward", seconds=2, seed=motion["seed"])
        file = client.get(f"/api/v1/motions/{motion['id']}/file", params={"format": "npy"})
        np.testing.assert_array_equal(np.load(io.BytesIO(file.content)), expected.joints)
        assert np.abs(viewed_joints(motion["view"])[..., 0] - expected.joints[..., 0]).max() < 1e-3


def test_a_batched_motion_is_the_single_one_to_the_last_bit(client: TestClient, micro_folder: Path) -> None:
    model = bimotion.load(micro_folder)
    if not model.batch_invariant:
        pytest.skip("the kernels are not compiled")
    request = {"text": "a person turns around", "seconds": 3, "seed": 40, "variants": 4}
    answer = client.post("/api/v1/generate", json=request).json()
    for motion in answer["motions"]:
        expected = model.text_to_motion("a person turns around", seconds=3, seed=motion["seed"], check=True)
        file = client.get(f"/api/v1/motions/{motion['id']}/file", params={"format": "npy"})
        np.testing.assert_array_equal(np.load(io.BytesIO(file.content)), expected.joints)
        assert expected.match is not None
        assert motion["caption"] == expected.match.caption
        assert motion["warnings"] == list(expected.match.warnings)


def test_a_seed_is_drawn_and_named(client: TestClient) -> None:
    request = {"text": "a person waves", "seconds": 1, "check": False}
    first, second = (client.post("/api/v1/generate", json=request).json() for _ in range(2))
    assert first["settings"]["seed"] != second["settings"]["seed"]
    assert first["motions"][0]["seed"] == first["settings"]["seed"]


def test_every_motion_has_the_models_own_caption_and_its_doubt(client: TestClient) -> None:
    answer = client.post("/api/v1/generate", json={"text": "a person waves", "seconds": 2, "seed": 1}).json()
    (motion,) = answer["motions"]
    assert isinstance(motion["caption"], str)
    assert 0 <= motion["score"] <= 1
    assert all(isinstance(warning, str) for warning in motion["warnings"])


def test_phrases_become_one_motion(client: TestClient) -> None:
    phrases = [{"text": "a person walks", "seconds": 2}, {"text": "turns around", "seconds": 1.5}]
    answer = client.post("/api/v1/compose", json={"phrases": phrases, "seed": 3})
    assert answer.status_code == 200, answer.text
    (motion,) = answer.json()["motions"]
    assert motion["seconds"] == 3.5
    assert [(p["text"], p["start"], p["end"]) for p in motion["phrases"]] == [
        ("a person walks", 0, 2),
        ("turns around", 2, 3.5),
    ]
    doubted = {warning.split(": ")[0] for warning in motion["warnings"]}
    assert doubted
    assert doubted <= {"a person walks", "turns around"}
    unchecked = client.post("/api/v1/compose", json={"phrases": phrases, "seed": 3, "check": False}).json()
    assert unchecked["motions"][0]["warnings"] == []
    assert unchecked["motions"][0]["view"] == motion["view"]


def test_an_upload_is_read_and_captioned_as_by_the_library(
    client: TestClient, walk_id: str, bvh: bytes, micro_folder: Path
) -> None:
    model = bimotion.load(micro_folder)
    expected = model.motion_to_text(bimotion.read_clip(io.BytesIO(bvh), format=".bvh"))
    kept = client.post("/api/v1/caption", json={"motion": {"id": walk_id}}).json()
    inline = {"name": "w.bvh", "data": base64.b64encode(bvh).decode()}
    assert (
        kept["caption"]
        == client.post("/api/v1/caption", json={"motion": inline}).json()["caption"]
        == expected
    )
    assert [(span["start"], span["end"]) for span in kept["spans"]] == [(0.0, 2.0)]


def test_a_long_motion_is_captioned_in_spans(client: TestClient, walk: Clip, micro_folder: Path) -> None:
    model = bimotion.load(micro_folder)
    joints = np.concatenate([walk.joints + np.float32([0, 0, 2 * i]) for i in range(6)])
    buffer = io.BytesIO()
    bimotion.save_clip(Clip(joints, walk.fps), buffer, format=".npy")
    data = base64.b64encode(buffer.getvalue()).decode()
    answer = client.post("/api/v1/caption", json={"motion": {"name": "long.npy", "data": data}}).json()
    assert answer["caption"] == model.motion_to_text(Clip(joints, walk.fps))
    assert len(answer["spans"]) == 2
    assert answer["spans"][0]["end"] == answer["spans"][1]["start"]


def test_a_long_motion_is_captioned_by_the_phrases_of_its_moments(
    client: TestClient, service: Service, walk: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.model, "phrases", bimotion.load().phrases)
    joints = np.concatenate([walk.joints, np.repeat(walk.joints[-1:], 160, axis=0)])
    buffer = io.BytesIO()
    bimotion.save_clip(Clip(joints, walk.fps), buffer, format=".npy")
    data = base64.b64encode(buffer.getvalue()).decode()
    answer = client.post("/api/v1/caption", json={"motion": {"name": "long.npy", "data": data}}).json()
    spans = answer["spans"]
    assert answer["caption"] == service.model.motion_to_text(Clip(joints, walk.fps))
    assert all(span["text"] in answer["caption"] for span in spans)
    assert len(spans) > 1
    assert [span["start"] for span in spans[1:]] == [span["end"] for span in spans[:-1]]


def test_prediction_keeps_what_was_there(client: TestClient, walk_id: str, walk: Clip) -> None:
    answer = client.post("/api/v1/predict", json={"motion": {"id": walk_id}, "seconds": 1, "seed": 0}).json()
    (motion,) = answer["motions"]
    assert motion["frames"] == len(walk) + 20
    assert (motion["new_from"], motion["new_to"]) == (2.05, 3.05)
    file = client.get(f"/api/v1/motions/{motion['id']}/file?format=npy")
    assert np.abs(np.load(io.BytesIO(file.content))[: len(walk)] - walk.joints).max() < 2e-4


def test_in_between_joins_two_motions(client: TestClient, walk_id: str, walk: Clip) -> None:
    request = {"first": {"id": walk_id}, "last": {"id": walk_id}, "seconds": 1, "seed": 0}
    (motion,) = client.post("/api/v1/inbetween", json=request).json()["motions"]
    assert motion["frames"] == 2 * len(walk) + 20


@pytest.mark.parametrize("format", ["bvh", "glb", "npz", "gif", "mp4", "html"])
def test_motions_are_downloaded_in_every_format(client: TestClient, walk_id: str, format: str) -> None:
    answer = client.get(f"/api/v1/motions/{walk_id}/file", params={"format": format, "end": 0.5})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="a-walk.{format}"'
    magic = {
        "bvh": b"HIERARCHY",
        "glb": b"glTF",
        "npz": b"PK",
        "gif": b"GIF8",
        "html": b"<!doctype",
        "mp4": b"\0\0\0",
    }
    assert answer.content.startswith(magic[format])


def test_presets_of_names_and_units(client: TestClient, walk_id: str) -> None:
    request = {"motion": {"id": walk_id}, "format": "bvh", "names": "mixamo", "unit": "cm", "fps": 30}
    answer = client.post("/api/v1/convert", json=request)
    assert b"mixamorig:Hips" in answer.content
    clip = bimotion.read_clip(io.BytesIO(answer.content), format=".bvh")
    assert clip.fps == pytest.approx(30, abs=1e-3)
    assert 0.7 < clip.joints[0, 0, 1] < 1.1


def test_a_motion_is_put_on_a_character(client: TestClient, walk_id: str, walk: Clip) -> None:
    buffer = io.BytesIO()
    bimotion.save_clip(walk, buffer, format=".glb", names="mixamo")
    character = {"name": "me.glb", "data": base64.b64encode(buffer.getvalue()).decode()}
    answer = client.post("/api/v1/retarget", json={"motions": [{"id": walk_id}], "character": character})
    assert answer.status_code == 200, answer.text
    assert bimotion.read_clip(io.BytesIO(answer.content), format=".glb").joints.shape[1:] == (22, 3)


def test_capabilities_name_limits_and_formats(client: TestClient, micro_folder: Path) -> None:
    answer = client.get("/api/v1/capabilities").json()
    assert answer["model"]["fingerprint"] == model_fingerprint(micro_folder)
    assert ".bvh" in answer["formats"]["read"]
    assert answer["limits"]["max_upload_bytes"] == 1_000_000
    assert answer["library"] is False


def test_a_job_reports_progress_and_its_result(client: TestClient) -> None:
    request = {"text": "a person bows", "seconds": 1, "variants": 3, "seed": 2, "exact": True}
    job = client.post("/api/v1/jobs", json={"operation": "generate", "request": request})
    assert job.status_code == 202
    events = client.get(f"/api/v1/jobs/{job.json()['id']}/events").text.strip().split("\n\n")
    last = dict(line.split(": ", 1) for line in events[-1].split("\n"))
    assert last["event"] == "end"
    ended = json.loads(last["data"])
    assert ended["state"] == "done"
    assert (ended["done"], ended["total"]) == (9, 9)
    direct = client.post("/api/v1/generate", json=request).json()
    assert [m["view"] for m in ended["result"]["motions"]] == [m["view"] for m in direct["motions"]]
    assert client.get(f"/api/v1/jobs/{ended['id']}").json() == ended


def test_a_job_is_cancelled(client: TestClient, walk_id: str) -> None:
    request = {"motion": {"id": walk_id}, "seconds": 60}
    job = client.post("/api/v1/jobs", json={"operation": "predict", "request": request}).json()
    assert client.delete(f"/api/v1/jobs/{job['id']}").json()["state"] == "cancelled"
    events = client.get(f"/api/v1/jobs/{job['id']}/events").text
    assert events.startswith("event: end")
    assert client.post("/api/v1/generate", json={"text": "a bow", "seconds": 1}).status_code == 200


def test_metrics_count_requests(client: TestClient) -> None:
    client.post("/api/v1/generate", json={"text": "a bow", "seconds": 1, "check": False})
    text = client.get("/metrics").text
    assert 'bimotion_requests_total{operation="generate",status="ok"}' in text
    assert 'bimotion_batch_size_bucket{le="1.0",operation="generate"}' in text
    assert "bimotion_queue_length 0.0" in text


def test_files_of_the_page_are_compressed_for_clients_that_can_read_them(client: TestClient) -> None:
    plain = client.get("/static/viewer.js", headers={"accept-encoding": "identity"})
    packed = client.get("/static/viewer.js")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 3
