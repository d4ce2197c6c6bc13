"""Names that the command line and the server list for their help and schemas are those of the code behind them."""

from typing import get_args, get_type_hints

from bimotion.cli.convert import Convert
from bimotion.cli.evaluate import Evaluate
from bimotion.cli.file_options import Reading
from bimotion.cli.generate import Generate
from bimotion.evaluation.evaluate import ALL_PARTS
from bimotion.models.choices import PresetName
from bimotion.models.presets import PRESETS
from bimotion.motion.formats import UNITS, WRITES
from bimotion.render.files import FORMATS


def choices(owner: type, field: str) -> set[str]:
    """The values of a field that is a `Literal`, or a `Literal` or None."""
    return {
        value
        for part in (get_type_hints(owner)[field], *get_args(get_type_hints(owner)[field]))
        for value in get_args(part)
        if isinstance(value, str)
    }


def test_presets() -> None:
    assert set(get_args(PresetName)) == set(PRESETS)


def test_formats() -> None:
    suffixes = {suffix.removeprefix(".") for suffix in FORMATS}
    assert choices(Generate, "format") == {*suffixes, "parquet"}
    assert choices(Convert, "to") == {suffix.removeprefix(".") for suffix in WRITES}


def test_units_and_parts() -> None:
    assert choices(Reading, "unit") == set(UNITS)
    assert {name for kind in get_args(get_type_hints(Evaluate)["parts"]) for name in get_args(kind)} == set(
        ALL_PARTS
    )
