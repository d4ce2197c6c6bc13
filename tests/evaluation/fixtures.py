"""A small data set of numbered motions, and evaluators for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bimotion.data.store import MotionStore
from bimotion.evaluators.contrastive import EVALUATOR_SIZES, ContrastiveEvaluator
from bimotion.evaluators.folder import ContrastiveParts, save_contrastive
from bimotion.features.clip_encoding import encode_clip
from bimotion.features.layout import CONTACTS
from bimotion.models.tokens import MotionTokenizer
from bimotion.motion.clip import Clip
from tests.data.made_up_set import synthetic_item, write_set
from tests.evaluation.numbered_motions import NUM, Oracle


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, walk: Clip) -> MotionStore:
    """Walks of 24 to 40 frames; the first two have a caption in common, and each has three."""
    folder = tmp_path_factory.mktemp("data") / "walks"
    whole = encode_clip(walk.joints)
    rng = np.random.default_rng(0)
    items, rows, offset = [], [], 0
    for number in range(NUM):
        frames = int(rng.integers(24, 41))
        features = whole[:frames].copy()
        features[:, CONTACTS.start] = number
        output = 0 if number < 2 else number
        item = synthetic_item(
            id=f"clip{number:02d}#0",
            take=f"take{number:02d}",
            content="turn" if number % 3 else "walk",
            num_frames=frames,
            offset=offset,
            captions=(f"motion {output} walks.", f"motion {output} walks ahead.", f"motion {output} goes."),
        )
        items += [item, replace(item, id=f"{item.id}M", mirrored=True, split="train")]
        rows.append(features)
        offset += frames
    write_set(folder, items, rows)
    return MotionStore.open(folder)


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory, walk: Clip) -> Path:
    """A folder of a contrastive evaluator with random weights."""
    tokenizer = MotionTokenizer.train(
        ["a person walks ahead and waves.", "motion 0 1 2 3 goes."] * 3, 320, slots=1
    )
    torch.manual_seed(0)
    sizes = replace(EVALUATOR_SIZES["micro"], vocab_size=tokenizer.special.text_vocab_size)
    network = ContrastiveEvaluator(sizes).eval()
    features = encode_clip(walk.joints)
    network.feature_mean.copy_(torch.from_numpy(features.mean(0)))
    network.feature_std.fill_(0.1)
    folder = tmp_path_factory.mktemp("evaluators") / "judge"
    save_contrastive(ContrastiveParts(network, tokenizer), folder, "An evaluator for tests.")
    return folder
