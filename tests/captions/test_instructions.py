import json
from pathlib import Path

import pytest

from bimotion.captions.instructions import MotionWords, fill, fill_pair, own_templates, read_templates, select
from bimotion.errors import DataError


def test_placeholders_are_filled_without_quotes_and_with_fractions() -> None:
    text = fill(
        "<Caption_Placeholder> in <Frame_Placeholder> frames, <Second_Placeholder> s",
        caption="hop.",
        num_frames=98,
    )
    assert text == "hop. in 98 frames, 4.9 s"


def test_a_masked_motion_is_two_motions_with_a_gap() -> None:
    pair = ("Complete: <Motion_Placeholder_Masked>", "<Motion_Placeholder>")
    words = MotionWords(given="IN", wanted="OUT", gap="MASK")
    assert fill_pair(pair, words, caption="", num_frames=1) == ("Complete: INMASKIN", "OUT")


def test_every_task_can_be_asked_for_in_fifteen_ways_or_more() -> None:
    templates = own_templates()
    assert {template.task for template in templates} == {
        "t2m",
        "m2t",
        "predict",
        "inbetween",
        "t2t",
        "n2m",
        "n2t",
    }
    for template in templates:
        assert len(set(template.inputs)) == len(template.inputs) >= 15
    assert select(templates, "t2m")[0].inputs[0] == "Generate motion: <Caption_Placeholder>"


def test_the_published_format_is_read(tmp_path: Path) -> None:
    file = tmp_path / "template_pretrain.json"
    task = {
        "class": "pred",
        "input": ["Go on: <Motion_Placeholder_s1>", "", "Go on: <Motion_Placeholder_s1>"],
    }
    file.write_text(
        json.dumps({"Motion-to-Motion": {"pred": {**task, "output": ["<Motion_Placeholder_s2>"]}}})
    )
    (template,) = read_templates(file)
    assert (template.name, template.task, len(template.inputs)) == ("Motion-to-Motion/pred", "predict", 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "expected {group: {task:"),
        ("{", "not JSON"),
        ('{"a": {"b": {"class": "x2y", "input": ["i"], "output": ["o"]}}}', "a/b has the class 'x2y'"),
        ('{"a": {"b": {"class": "t2m", "input": [""], "output": ["o"]}}}', "a/b has no input"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "templates.json"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        read_templates(file)
