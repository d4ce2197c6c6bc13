import numpy as np
import pytest

from bimotion.captions.contrasts import changed_caption, changed_order


@pytest.mark.parametrize("seed", range(20))
def test_one_word_is_changed(seed: int) -> None:
    caption = "a person walks forward slowly and raises the arm twice"
    changed = changed_caption(caption, np.random.default_rng(seed))
    assert changed is not None
    words, others = caption.split(), changed.replace(" times", "").split()
    assert sum(a != b for a, b in zip(words, others, strict=True)) == 1


def test_sides_are_changed_all_at_once() -> None:
    changed = {
        changed_caption("turns left, the left hip out", np.random.default_rng(seed)) for seed in range(9)
    }
    assert changed == {"turns right, the right hip out"}


def test_what_names_nothing_known_is_left_alone() -> None:
    assert changed_caption("someone ponders", np.random.default_rng(0)) is None


def test_phrases_change_their_order() -> None:
    phrases = ("walks", "sits", "waves")
    for seed in range(10):
        order = changed_order(phrases, np.random.default_rng(seed))
        assert order is not None
        assert order != phrases
        assert sorted(order) == sorted(phrases)
    assert changed_order(("walks", "walks"), np.random.default_rng(0)) is None
