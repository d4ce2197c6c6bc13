import itertools
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bimotion.captions.instructions import MotionWords, fill_pair, own_templates, select
from bimotion.data.store import INDEX_FILE, MotionStore, write_index
from bimotion.errors import ConfigError, DataError
from bimotion.models.tokens import MotionTokenizer
from bimotion.training.data_checks import check_same_data, check_splits, fitting_captions

LONG = " ".join(["a person walks slowly and"] * 40)


@pytest.fixture
def own_data(data: Path, tmp_path: Path) -> Path:
    """A copy of the data set, to be changed."""
    return Path(shutil.copytree(data, tmp_path / "data"))


def test_a_run_resumes_with_the_data_that_it_was_started_with(own_data: Path, tmp_path: Path) -> None:
    store = MotionStore.open(own_data)
    check_same_data(store, tmp_path, resume=False)
    check_same_data(store, tmp_path, resume=True)
    items = [replace(item, captions=(*item.captions, "new")) for item in store]
    write_index(items, own_data / INDEX_FILE)
    changed = MotionStore.open(own_data)
    with pytest.raises(ConfigError, match="the data set has changed since the run was started"):
        check_same_data(changed, tmp_path, resume=True)
    check_same_data(changed, tmp_path, resume=False)
    check_same_data(changed, tmp_path, resume=True)


def test_a_set_without_training_captions_is_refused_and_one_without_validation_is_named(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MotionStore.open(data)
    silent = [replace(item, captions=(), text=False) for item in store.items("train")]
    with pytest.raises(DataError, match="no training windows with captions"):
        check_splits(store, silent, store.items("val"), needs_text=True)
    with pytest.raises(DataError, match="no training windows;"):
        check_splits(store, [], store.items("val"), needs_text=False)
    check_splits(store, silent, store.items("val"), needs_text=False)
    assert not caplog.records
    check_splits(store, store.items("train"), [], needs_text=True)
    assert "no held-out windows with captions" in caplog.text


def test_captions_that_are_too_long_are_left_out_with_a_count(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = MotionTokenizer.train([LONG], 320)
    first, second, *rest = MotionStore.open(data).items("train")
    items = [replace(first, captions=(LONG, "a person walks")), replace(second, captions=(LONG,)), *rest]
    with caplog.at_level(logging.WARNING):
        fitting = fitting_captions(items, tokenizer, 256, ["t2m", "m2t"])
    assert fitting[0].captions == ("a person walks",)
    assert (fitting[1].captions, fitting[1].text) == ((), False)
    assert fitting[2:] == rest
    assert caplog.text.count("captions exceed the model's limit of") == 1
    assert f"the first that of {first.id}; 1 windows have no other" in caplog.text


def test_captions_without_words_or_with_special_tokens_are_left_out_with_a_count(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = MotionTokenizer.train([LONG], 320)
    first, second, *_ = MotionStore.open(data).items("train")
    items = [
        replace(first, captions=("!?", "a person walks", "he walks <motion_latent_holder> on")),
        replace(second, captions=("she waves <|ENDOFTEXT|>",)),
    ]
    with caplog.at_level(logging.WARNING):
        fitting = fitting_captions(items, tokenizer, 256, ["t2m", "m2t"])
    assert [item.captions for item in fitting] == [("a person walks",), ()]
    assert (
        f"3 captions have no words, or hold special tokens, and are not used, the first that of {first.id}; "
        "1 windows have no other" in caplog.text
    )


def test_what_fits_is_never_too_long_in_any_wording(data: Path) -> None:
    tokenizer, limit = MotionTokenizer.train([LONG], 320), 160
    item = MotionStore.open(data).items("train")[0]
    texts = tuple(" ".join(["walks"] * count) for count in range(1, 160))
    (fitting,) = fitting_captions([replace(item, captions=texts)], tokenizer, limit, ["t2m", "m2t"])
    longest = max(fitting.captions, key=len)
    assert 0 < len(fitting.captions) < len(texts)
    words = MotionWords(tokenizer.motion_in, tokenizer.motion_out, tokenizer.motion_masked)
    for template in select(own_templates(), "t2m", "m2t"):
        for pair in itertools.product(template.inputs, template.outputs):
            filled = fill_pair(pair, words, caption=longest, num_frames=196)
            assert len(tokenizer.sequence(*filled)) <= limit
