"""MMCP, driven by the SDK's own client over a socket."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from motionmcp import client as mmcp

import bimotion
from bimotion.motion.kinematics import clip_to_pose
from bimotion.motion.skeleton import JOINT_NAMES
from bimotion.server.app import create_app
from bimotion.server.command import open_socket
from bimotion.server.service import Service
from bimotion.server.settings import ServerSettings


@pytest.fixture(scope="module")
def url(micro_folder: Path) -> Iterator[str]:
    service = Service(ServerSettings(port=0), model=micro_folder)
    listener = open_socket(service.settings)
    server = uvicorn.Server(uvicorn.Config(create_app(service), log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    for _ in range(600):
        if service.ready:
            break
        time.sleep(0.1)
    assert service.ready
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/mmcp"
    server.should_exit = True
    thread.join()
    listener.close()


def request_body(
    url: str, *segments: dict[str, object], fps: float = 20.0, **options: object
) -> dict[str, object]:
    model = mmcp.pick_model(mmcp.get_capabilities(url))
    return {
        "protocol_version": "1.0",
        "model": model["id"],
        "skeleton": model["canonical_skeleton"],
        "segments": list(segments),
        "timing": {"fps": fps},
        "options": options,
    }


def test_the_client_gets_the_motion_of_the_library(url: str, micro_folder: Path) -> None:
    segment = {"type": "text", "prompt": "a person walks forward", "duration_frames": 60}
    document = mmcp.generate(url, request_body(url, segment, seed=4, num_samples=2))
    samples = mmcp.parse_gltf_samples(document)
    assert len(samples) == 2
    expected = clip_to_pose(
        bimotion.load(micro_folder).text_to_motion("a person walks forward", seconds=3, seed=4)
    )
    first = samples[0]
    assert list(first["joint_names"]) == list(JOINT_NAMES)
    np.testing.assert_allclose(first["posed_joints"][:, 0], expected.root, atol=1e-4)


def test_the_rate_of_the_request_is_kept(url: str) -> None:
    segment = {"type": "text", "prompt": "a person bows", "duration_frames": 75}
    document = mmcp.generate(url, request_body(url, segment, fps=30.0, seed=0))
    assert len(mmcp.parse_gltf_samples(document)[0]["posed_joints"]) == 75


def test_segments_become_one_motion(url: str) -> None:
    segments = (
        {"type": "text", "prompt": "a person walks", "duration_frames": 40},
        {"type": "unconditioned", "duration_frames": 30},
    )
    document = mmcp.generate(url, request_body(url, *segments, seed=0))
    assert len(mmcp.parse_gltf_samples(document)[0]["posed_joints"]) == 70


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model": "other"}, "unknown_model"),
        ({"segments": [{"type": "text", "prompt": "a bow", "duration_frames": 4}]}, "invalid_request"),
        ({"segments": [{"type": "pose", "prompt": "a bow"}]}, "unsupported_segment"),
        ({"segments": [{"type": "text", "prompt": "x" * 2000, "duration_frames": 40}]}, "invalid_options"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_protocols_codes(
    url: str, change: dict[str, object], code: str
) -> None:
    segment = {"type": "text", "prompt": "a person bows", "duration_frames": 40}
    with pytest.raises(mmcp.MmcpError) as error:
        mmcp.generate(url, request_body(url, segment) | change)
    assert error.value.code == code
