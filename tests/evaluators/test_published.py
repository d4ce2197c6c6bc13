"""The published evaluator's networks against the numbers of the published research code."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.evaluators.published import PublishedEvaluator, PublishedEvaluatorConfig

SMALL = PublishedEvaluatorConfig(
    text_width=48, movement_hidden=40, movement_width=36, motion_width=56, width=32
)
CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def golden(goldens: Path) -> dict[str, Tensor]:
    return load_file(goldens / "t2m_evaluator_small.safetensors")


@pytest.fixture(scope="module")
def network(golden: dict[str, Tensor]) -> PublishedEvaluator:
    network = PublishedEvaluator(SMALL).eval()
    network.load_state_dict(
        {name.removeprefix("state."): value for name, value in golden.items() if name.startswith("state.")}
    )
    return network


@torch.no_grad()
def test_embeddings_are_the_published_ones(network: PublishedEvaluator, golden: dict[str, Tensor]) -> None:
    features, lengths = golden["motion.features"], golden["motion.lengths"]
    torch.testing.assert_close(network.movements(features), golden["motion.movement_out"], **CLOSE)
    torch.testing.assert_close(network.embed_motion(features), golden["motion.out"], **CLOSE)
    packed = network.embed_motion(features, lengths)
    torch.testing.assert_close(packed, golden["motion.out_packed_NOT_official"], **CLOSE)
    text = network.embed_text(golden["text.word_embs"], golden["text.pos_onehot"], golden["text.cap_lens"])
    torch.testing.assert_close(text, golden["text.out"], **CLOSE)


@torch.no_grad()
def test_captions_need_not_be_sorted(network: PublishedEvaluator, golden: dict[str, Tensor]) -> None:
    order = torch.tensor([3, 0, 4, 1, 2])
    words, classes, lengths = (
        golden[f"text.{name}"][order] for name in ("word_embs", "pos_onehot", "cap_lens")
    )
    torch.testing.assert_close(
        network.embed_text(words, classes, lengths), golden["text.out"][order], **CLOSE
    )


@torch.no_grad()
def test_with_lengths_padding_changes_nothing_beyond_three_rows(network: PublishedEvaluator) -> None:
    torch.manual_seed(0)
    motion = torch.randn(1, 28, 263)
    lengths = torch.tensor([28])
    padded = [
        network.embed_motion(torch.nn.functional.pad(motion, (0, 0, 0, rows)), lengths)
        for rows in (3, 4, 5, 60)
    ]
    for other in padded[1:]:
        torch.testing.assert_close(other, padded[0], **CLOSE)
    published = [network.embed_motion(torch.nn.functional.pad(motion, (0, 0, 0, rows))) for rows in (4, 60)]
    assert (published[0] - published[1]).abs().max() > 1e-3


def test_the_published_files_have_these_names_and_shapes(goldens: Path) -> None:
    import json

    described = json.loads((goldens / "t2m_evaluator_small.json").read_text("utf-8"))
    expected = {
        f"{part}.{name}": entry["shape"]
        for part, entries in described["full_state_dict"].items()
        for name, entry in entries.items()
    }
    state = PublishedEvaluator(PublishedEvaluatorConfig()).state_dict()
    assert {name: list(value.shape) for name, value in state.items()} == expected
