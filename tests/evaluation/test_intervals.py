import numpy as np
import pytest

from bimotion.errors import DataError
from bimotion.evaluation.intervals import published_interval, student_interval


def test_published_interval_is_196_population_deviations() -> None:
    got = published_interval([1.0, 3.0])
    assert (got.mean, got.interval, got.repeats) == (2, pytest.approx(1.96 / np.sqrt(2)), 2)


def test_students_interval_covers_the_mean_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    runs = [student_interval(rng.normal(size=4).tolist()) for _ in range(2000)]
    assert np.mean([abs(run.mean) < run.interval for run in runs]) == pytest.approx(0.95, abs=0.015)


def test_one_measurement_has_no_interval_and_none_is_refused() -> None:
    assert str(student_interval([0.5])) == "0.500"
    with pytest.raises(DataError, match="at least one measurement"):
        student_interval([])
