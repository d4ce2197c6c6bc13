"""The bundled model."""

import pytest

import bimotion
from bimotion.inference.model import MotionLanguageModel


@pytest.fixture(scope="session")
def model() -> MotionLanguageModel:
    try:
        return bimotion.load()
    except bimotion.ModelError:
        pytest.skip("no bundled model")
