import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bimotion.errors import ConfigError, ModelError
from bimotion.models.branch import MixtureConfig
from bimotion.models.mixture import KeyValueCache
from bimotion.models.segment_language import Phrases, SegmentLanguage, SegmentLanguageConfig
from bimotion.models.segment_weights import load_segments, save_segments


@pytest.fixture(scope="module")
def model(segments_folder: Path) -> SegmentLanguage:
    return load_segments(segments_folder / "segments")


@pytest.fixture(scope="module")
def text(model: SegmentLanguage) -> KeyValueCache:
    """Made-up keys and values of three phrases of 5, 3 and 4 tokens."""
    cache = KeyValueCache(model.config.mixture, 3, 6, torch.device("cpu"), torch.float32)
    cache.store.copy_(torch.randn(cache.store.shape, generator=torch.Generator().manual_seed(1)))
    cache.filled.copy_(torch.tensor([5, 3, 4]))
    cache.longest, cache.equal_lengths = 5, False
    return cache


def phrases(text: KeyValueCache, index: list[list[int]]) -> Phrases:
    rows = torch.tensor(index)
    return Phrases(text, rows, torch.zeros(rows.shape), torch.full(rows.shape, 2.0))


@pytest.fixture(scope="module")
def context() -> Tensor:
    return torch.randn(2, 2, 12, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def test_segments_in_one_pass_get_the_states_that_each_gets_alone(
    model: SegmentLanguage, text: KeyValueCache, context: Tensor
) -> None:
    index = [[0, 1, 1], [2, -1, 0]]
    together = model.states(phrases(text, index), context)
    for k in range(3):
        own = phrases(text, [[row[k]] for row in index])
        alone = model.states(own, context[:, :k] if k else None)
        torch.testing.assert_close(alone[:, 0], together[:, k], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_segment_depends_on_its_own_phrase_and_on_earlier_segments_alone(
    model: SegmentLanguage, text: KeyValueCache, context: Tensor
) -> None:
    before = model.states(phrases(text, [[0, 1, 1], [2, 0, 0]]), context)
    other = context.clone()
    other[:, 1] += 1
    after = model.states(phrases(text, [[0, 2, 1], [2, 0, 0]]), other)
    torch.testing.assert_close(after[:, 0], before[:, 0])
    torch.testing.assert_close(after[1, 1], before[1, 1])
    assert not torch.allclose(after[0, 1], before[0, 1])
    assert not torch.allclose(after[:, 2], before[:, 2])


@torch.no_grad()
def test_the_remaining_time_is_heard_unless_it_is_unknown(
    model: SegmentLanguage, text: KeyValueCache
) -> None:
    torch.nn.init.normal_(model.time_out.weight)
    known = phrases(text, [[0]])
    long, unknown = (replace(known, remaining=torch.full((1, 1), each)) for each in (9.0, float("nan")))
    states = [model.states(each, None) for each in (known, long, unknown)]
    assert not torch.allclose(states[0], states[1])
    assert not torch.allclose(states[0], states[2])
    assert states[2].isfinite().all()


def test_a_saved_model_is_read_as_it_was(model: SegmentLanguage, tmp_path: Path) -> None:
    save_segments(model, tmp_path, torch.float32)
    read = load_segments(tmp_path).state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(read[name], value, rtol=0, atol=0)
    save_segments(model, tmp_path, int8=("motion.", "head."))
    read = load_segments(tmp_path).state_dict()
    torch.testing.assert_close(read["head.embed.weight"], model.head.embed.weight, atol=2e-3, rtol=1e-2)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is .* a folder of a segment model"):
        load_segments(tmp_path)


def test_configurations_that_segments_cannot_use_are_refused() -> None:
    with pytest.raises(ConfigError, match="stream two"):
        SegmentLanguageConfig(mixture=MixtureConfig(stream="one"))
    with pytest.raises(ConfigError, match="max_positions of at least 84"):
        SegmentLanguageConfig(mixture=MixtureConfig(family="llama", max_positions=80))


def test_weights_that_do_not_fit_into_half_precision_are_refused(
    model: SegmentLanguage, tmp_path: Path
) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        next(broken.head.parameters()).fill_(1e6)
    with pytest.raises(ModelError, match="not finite as torch.float16"):
        save_segments(broken, tmp_path)
    assert not (tmp_path / "config.json").exists()
