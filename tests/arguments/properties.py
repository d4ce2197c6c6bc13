"""Any argument of a public function gives a result or one of our exceptions with a sentence.

Run by `tests/test_arguments.py` in a process of its own, without the type checks that other tests run under: those
would refuse a wrong type before our own checks see it.
"""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bimotion
from bimotion.errors import BimotionError
from bimotion.inference.model import MotionLanguageModel
from bimotion.motion.clip import Clip

MODEL: MotionLanguageModel
WALK: Clip
FOLDER: Path

WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1.0, 1e-300]),
    st.text(max_size=20),
    st.text(st.characters(categories=["Cs", "Cc", "Lo", "So"]), max_size=5),
    st.binary(max_size=10),
    st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers()), max_size=3),
    st.tuples(st.integers(), st.text(max_size=3)),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.builds(object),
    st.just(np.zeros(3)),
    st.just(np.float32(1.5)),
    st.just(np.int64(3)),
    st.just(torch.zeros(2)),
    st.just(complex(1, 2)),
    st.just(Path("nowhere")),
)
SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def _shared(micro_folder: Path, walk: Clip, tmp_path_factory: pytest.TempPathFactory) -> None:
    global MODEL, WALK, FOLDER
    MODEL, WALK = bimotion.load(micro_folder), walk
    FOLDER = tmp_path_factory.mktemp("arguments")


def holds(call: Callable[[], Any]) -> Any:
    """The result, or None where one of our exceptions says why there is none."""
    sentence = ""
    try:
        return call()
    except BimotionError as error:
        sentence = str(error)
    assert len(sentence.split()) >= 3
    return None


def one_wrong(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.sampled_from(names).flatmap(lambda name: WRONG.map(lambda value: {name: value}))


SAMPLING = ["seed", "guidance_scale", "steps", "sampler"]


@SETTINGS
@given(WRONG)
def test_text(text: Any) -> None:
    clips = holds(lambda: MODEL.text_to_motion(text, frames=20, steps=1))
    assert clips is None or isinstance(clips, (Clip, list))


@SETTINGS
@given(one_wrong(["seconds", "frames", "clean", "best", "check", "strict", *SAMPLING]))
def test_settings_of_text_to_motion(wrong: dict[str, Any]) -> None:
    if isinstance(wrong.get("best"), int) and wrong["best"] > 4:
        return  # right, and slow
    length = {} if {"seconds", "frames"} & set(wrong) else {"frames": 20}
    clip = holds(lambda: MODEL.text_to_motion("a person waves", **{"steps": 1, **length, **wrong}))
    assert clip is None or np.isfinite(clip.joints).all()


@SETTINGS
@given(WRONG)
def test_clip_of_motion_to_text(clip: Any) -> None:
    assert holds(lambda: MODEL.motion_to_text(clip)) in (None, [])


@SETTINGS
@given(one_wrong(["clip", "seconds", *SAMPLING]))
def test_predict(wrong: dict[str, Any]) -> None:
    if isinstance(wrong.get("seconds"), (int, float)) and 5 < wrong["seconds"] <= 600:
        return  # right, and slow
    arguments = {"clip": WALK, "seconds": 0.5, "steps": 1, **wrong}
    clip = holds(lambda: MODEL.predict(**arguments))
    assert clip is None or len(clip) > len(WALK)


@SETTINGS
@given(one_wrong(["first", "last", "seconds", "fixed_end", *SAMPLING]))
def test_inbetween(wrong: dict[str, Any]) -> None:
    arguments = {"first": WALK, "last": WALK, "seconds": 0.5, "steps": 1, **wrong}
    clip = holds(lambda: MODEL.inbetween(**arguments))
    assert clip is None or len(clip) > 2 * len(WALK)


@SETTINGS
@given(st.floats(1e-9, 1e9), st.integers(1, 60), st.floats(0.01, 3))
def test_clips_of_any_rate_and_length(fps: float, frames: int, seconds: float) -> None:
    clip = Clip(np.resize(WALK.joints, (frames, 22, 3)), fps)
    holds(lambda: MODEL.motion_to_text(clip))
    longer = holds(lambda: MODEL.predict(clip, seconds=seconds, steps=1))
    assert longer is None or len(longer) == frames + max(1, round(seconds * fps))
    holds(lambda: MODEL.inbetween(WALK, clip, seconds=seconds, steps=1))


@SETTINGS
@given(WRONG, WRONG)
def test_match(text: Any, clip: Any) -> None:
    holds(lambda: MODEL.match(text, WALK))
    holds(lambda: MODEL.match("a person walks", clip))


@SETTINGS
@given(WRONG, WRONG)
def test_latents(latents: Any, frames: Any) -> None:
    holds(lambda: MODEL.encode(latents))
    holds(lambda: MODEL.decode(latents, 40))
    holds(lambda: MODEL.decode(MODEL.encode(WALK), frames))


@SETTINGS
@given(one_wrong(["model", "device", "precision", "revision"]))
def test_load(wrong: dict[str, Any]) -> None:
    if isinstance(wrong.get("device"), int) and not isinstance(wrong["device"], bool):
        return  # the number of a GPU
    arguments = {"model": FOLDER / "none", **wrong} if "model" not in wrong else wrong
    if arguments.get("model") is None or arguments.get("model") == "":
        return  # the bundled model
    holds(lambda: bimotion.load(**arguments))


@SETTINGS
@given(one_wrong(["path", "format", "skeleton", "joint_map", "unit", "body_model"]))
def test_read_clip(wrong: dict[str, Any]) -> None:
    source = io.BytesIO(b"HIERARCHY\n") if "format" in wrong else FOLDER / "none.bvh"
    holds(lambda: bimotion.read_clip(**{"path": source, **wrong}))


@SETTINGS
@given(WRONG, WRONG, WRONG)
def test_save_clip(clip: Any, path: Any, format: Any) -> None:
    holds(lambda: bimotion.save_clip(clip, FOLDER / "clip.npy"))
    holds(lambda: bimotion.save_clip(WALK, path))
    holds(lambda: bimotion.save_clip(WALK, io.BytesIO(), format=format))


@SETTINGS
@given(one_wrong(["joints", "fps", "rotations"]))
def test_clip(wrong: dict[str, Any]) -> None:
    holds(lambda: Clip(**{"joints": WALK.joints, "fps": 20.0, **wrong}))


@SETTINGS
@given(WRONG)
def test_resample(fps: Any) -> None:
    if isinstance(fps, (int, float)) and 1e4 < fps < 1e7:
        return  # right, and slow
    holds(lambda: WALK.resample(fps))
