"""Examples beside a model: what is found for a sentence, and files that do not fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bimotion.errors import ModelError
from bimotion.inference.examples import EXAMPLES_FILE, Examples, stems, write_examples

CAPTIONS = [["a person kicks with the left leg", "someone kicks"], ["a person walks slowly"], ["he waves"]]
VALUES = 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    latents = torch.randn(3, VALUES, generator=torch.Generator().manual_seed(0))
    write_examples(latents, [40, 80, 120], CAPTIONS, np.eye(3, 4, dtype=np.float32), tmp_path)
    return tmp_path


def read(folder: Path) -> Examples:
    examples = Examples.of_folder(folder, VALUES)
    assert examples is not None
    return examples


def test_latents_come_back_within_a_step_of_their_8_bits(folder: Path) -> None:
    latents = torch.randn(3, VALUES, generator=torch.Generator().manual_seed(0))
    drawn = read(folder).draw("kicks", 3, np.random.default_rng(0))
    rows = [next(i for i, several in enumerate(CAPTIONS) if several[0] == each.caption) for each in drawn]
    step = latents.abs().amax(0) / 127
    for row, example in zip(rows, drawn, strict=True):
        assert ((example.latent - latents[row]).abs() <= 0.5 * step + 1e-6).all()
    assert sorted(rows) == [0, 1, 2]


def test_the_nearest_caption_decides_whatever_the_ending_and_the_side(folder: Path) -> None:
    examples = read(folder)
    assert int(examples.similarity("kicking with the right leg").argmax()) == 0
    assert int(examples.similarity("slow walking").argmax()) == 1
    assert stems("kicking to the left") == stems("kicks to the right")


def test_embeddings_decide_where_no_word_is_known(folder: Path) -> None:
    embedding = np.array([0, 0, 2, 0], np.float32)
    assert int(read(folder).similarity("gesticulates", embedding).argmax()) == 2
    assert np.ptp(read(folder).similarity("gesticulates", np.ones(7, np.float32))) == 0


def test_a_chosen_length_leaves_out_what_would_be_stretched_too_far(folder: Path) -> None:
    drawn = read(folder).draw("kicks", 3, np.random.default_rng(0), frames=90)
    assert {example.frames for example in drawn} == {80, 120}


def test_the_same_seed_draws_the_same_examples(folder: Path) -> None:
    examples = read(folder)
    first, second = (
        [each.caption for each in examples.draw("walks", 2, np.random.default_rng([7, 0]))] for _ in range(2)
    )
    assert first == second


def test_a_folder_without_examples_has_none(tmp_path: Path) -> None:
    assert Examples.of_folder(tmp_path, VALUES) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latents", torch.zeros(3, VALUES + 1, dtype=torch.int8)),
        ("frames", torch.zeros(3, dtype=torch.int16)),
        ("owner", torch.tensor([0, 0, 1, 9], dtype=torch.int32)),
        ("word", torch.full((9,), 99, dtype=torch.int32)),
        ("captions", torch.full((4,), 255, dtype=torch.uint8)),
        ("scale", torch.ones(2)),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name(folder: Path, name: str, value: torch.Tensor) -> None:
    path = folder / EXAMPLES_FILE
    tensors = load_file(path)
    tensors[name] = value
    save_file(tensors, path)
    with pytest.raises(ModelError, match=EXAMPLES_FILE):
        Examples.of_folder(folder, VALUES)


def test_a_missing_part_is_refused(folder: Path) -> None:
    path = folder / EXAMPLES_FILE
    tensors = load_file(path)
    del tensors["weight"]
    save_file(tensors, path)
    with pytest.raises(ModelError, match=EXAMPLES_FILE):
        Examples.of_folder(folder, VALUES)
