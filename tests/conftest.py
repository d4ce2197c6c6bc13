"""Shape and type checks on everything in `bimotion`, and what many tests start from."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip

# Before anything imports bimotion: every annotated function checks the shapes and types of its arguments. An int is
# taken for a float, as by mypy. `tests/test_arguments.py` switches it off in a process of its own, to pass wrong types.
if os.environ.get("BIMOTION_TYPE_CHECKS") != "0":
    install_import_hook("bimotion", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")


pytest_plugins = ["tests.evaluation.fixtures"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout; `BIMOTION_SHARED` names another place."""
    named = os.environ.get("BIMOTION_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared"
    if not (folder / "goldens").is_dir():
        pytest.skip(f"reference material not found: {folder} (BIMOTION_SHARED names another place)")
    return folder


@pytest.fixture(scope="session")
def goldens() -> Path:
    """Values that the published code computed; what may not be redistributed is in `shared`."""
    return Path(__file__).parent / "goldens"


@pytest.fixture(scope="session")
def micro_folder(tmp_path_factory: pytest.TempPathFactory, walk: "Clip") -> Path:
    """A model folder of the smallest preset with random weights: it shakes about the mean pose, and talks nonsense."""
    import torch

    from bimotion.features.clips import clip_to_features
    from bimotion.models.motion_language import MotionLanguage
    from bimotion.models.presets import preset
    from bimotion.models.tokens import MotionTokenizer
    from bimotion.models.weights import save_model

    words = ["generate motion: a person walks forward.", "someone waves with the left hand and turns around."]
    tokenizer = MotionTokenizer.train(words * 3, 320)
    torch.manual_seed(0)
    network = MotionLanguage(preset("micro", tokenizer.special.text_vocab_size, tokenizer.special.eos))
    network.feature_mean[:] = torch.from_numpy(clip_to_features(walk).mean(0))
    network.feature_std[:] = 0.01
    folder = tmp_path_factory.mktemp("models") / "micro"
    save_model(network, folder, tokenizer, "A model for tests.")
    return folder


@pytest.fixture(scope="session")
def segments_folder(tmp_path_factory: pytest.TempPathFactory, micro_folder: Path) -> Path:
    """The folder of `micro_folder` with a segment model of random weights."""
    import shutil

    import torch

    from bimotion.models.segment_coder import SegmentConfig
    from bimotion.models.segment_language import SegmentLanguage, SegmentLanguageConfig, text_probe
    from bimotion.models.segment_weights import save_segments
    from bimotion.models.weights import load_model

    folder = tmp_path_factory.mktemp("models") / "segments"
    shutil.copytree(micro_folder, folder)
    base, _ = load_model(folder)
    assert base.config.length is not None
    torch.manual_seed(0)
    model = SegmentLanguage(
        SegmentLanguageConfig(
            mixture=base.config.mixture,
            segment=SegmentConfig(cosines=6, pose_axes=8, values=12, rank=10),
            head=base.config.head,
            diffusion=base.config.diffusion,
            length=base.config.length,
            slots=2,
            context=2,
            text_probe=text_probe(base),
        )
    )
    model.feature_mean.copy_(base.feature_mean)
    model.feature_std.copy_(base.feature_std)
    save_segments(model, folder / "segments", torch.float32)
    return folder


@pytest.fixture(scope="session")
def walk() -> "Clip":
    """Two seconds of somebody who walks ahead at 1 m/s, swinging the limbs; bone lengths are constant."""
    from bimotion.motion.clip import Clip
    from bimotion.motion.skeleton import PARENTS, REST_OFFSETS, TARGET_OFFSETS

    fps, num = 20.0, 41
    time = np.arange(num) / fps
    swing = 0.5 * np.sin(2 * np.pi * time)
    offsets = np.asarray(TARGET_OFFSETS, dtype=np.float64).copy()
    forks = [1, 2, 3, 12, 13, 14]  # what starts at pelvis and chest, as in a body
    lengths = [
        np.linalg.norm(bones[forks], axis=-1, keepdims=True) for bones in (TARGET_OFFSETS, REST_OFFSETS)
    ]
    offsets[forks] = REST_OFFSETS[forks] * lengths[0] / lengths[1]
    joints = np.zeros((num, 22, 3))
    joints[:, 0] = np.stack([0.02 * swing, 0.92 + 0 * time, 1.0 * time], axis=-1)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        side = {4: 1, 7: 1, 5: -1, 8: -1, 18: -1, 20: -1, 19: 1, 21: 1}.get(joint, 0)
        angle = side * swing
        x, y, z = offsets[joint]
        turned = np.stack(
            [x + 0 * angle, y * np.cos(angle) - z * np.sin(angle), y * np.sin(angle) + z * np.cos(angle)], -1
        )
        joints[:, joint] = joints[:, parent] + turned
    joints[..., 1] -= joints[..., 1].min()
    return Clip(joints.astype(np.float32), fps, name="walk")


@pytest.fixture(scope="session")
def gpt2_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with GPT-2's `vocab.json` and `merges.txt`, of which only what the goldens use can be reached."""
    part = json.loads((Path(__file__).parent / "goldens" / "gpt2_bpe_part.json").read_text(encoding="utf-8"))
    unused = set(range(50256)) - set(part["vocab"].values())
    vocab = {**part["vocab"], **{f"<unused {i}>": i for i in unused}, "<|endoftext|>": 50256}
    folder = tmp_path_factory.mktemp("gpt2")
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    merges = "\n".join(["#version: 0.2", *part["merges"], ""])
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    return folder
