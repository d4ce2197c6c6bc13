"""A Ray cluster for the tests; they need bimotion[scale], see `make test-slow`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bimotion.engines.on_ray import SETTINGS
from tests.cli.test_evaluate_commands import here
from tests.training.conftest import data

__all__ = ["cluster", "data", "here"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a cluster with two cores; RAY_ADDRESS names one that runs already."""
    ray = pytest.importorskip("ray", reason="needs bimotion[scale]")
    running = os.environ.get("RAY_ADDRESS")
    own = {"num_cpus": 2, "include_dashboard": False, "object_store_memory": 200 << 20}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in SETTINGS.items():
            environment.setenv(name, value)
        environment.setenv("PYTHONPATH", f"{ROOT}/src:{ROOT}")
        info = ray.init(running or "local", log_to_driver=False, **({} if running else own))
        yield info.address_info["gcs_address"]
        ray.shutdown()
