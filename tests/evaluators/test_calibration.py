"""Calibrations: probabilities of cosines, and words that are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from bimotion.errors import ModelError
from bimotion.evaluators.calibration import (
    Calibration,
    count_stems,
    read_calibration,
    save_calibration,
    stems,
)


def test_inflected_words_have_one_stem() -> None:
    assert stems("Running, runs, run!") == {"run"}
    assert stems("waves waving wave waved") == {"wav"}
    assert stems("a person kicks") == {"a", "person", "kick"}
    assert stems("12 - ?") == set()


def test_probabilities_rise_with_the_cosine_and_are_a_half_at_zero_log_odds() -> None:
    calibration = Calibration(10.0, -5.0, 1, {})
    p = calibration.probability(np.array([-1.0, 0.0, 0.5, 1.0]))
    assert p[2] == pytest.approx(0.5)
    assert (np.diff(p) > 0).all()
    assert p[3] == pytest.approx(1 / (1 + np.exp(-5.0)))


def test_unknown_words_weigh_by_how_rare_words_are() -> None:
    number, words = count_stems(["a person walks."] * 98 + ["a person jumps.", "a dog walks."])
    calibration = Calibration(10.0, -5.0, number, words)
    assert calibration.known_share("a person walks") == pytest.approx(1)
    assert calibration.known_share("a person jumped") == pytest.approx(1)
    assert calibration.known_share("a person swims") < 0.05
    assert calibration.known_share("qwertz") == 0
    assert calibration.known_share("...") == 0
    half = calibration.known_share("a person jumps and swims")
    assert 0.2 < half < 0.5


def test_a_calibration_is_read_back_and_a_broken_one_is_named(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    calibration = Calibration(3.5, -1.25, 7, {"walk": 3, "größe": 1})
    save_calibration(calibration, tmp_path)
    assert read_calibration(tmp_path) == calibration
    path = tmp_path / "calibration.json"
    values = json.loads(path.read_text("utf-8"))
    for change, message in (
        ({"slope": -1.0}, "rising function"),
        ({"slope": "steep"}, "slope"),
        ({"num_captions": -1}, "counts of at least 0"),
        ({"format": "other"}, "not a bimotion calibration 1"),
    ):
        path.write_text(json.dumps({**values, **change}), encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            read_calibration(tmp_path)
