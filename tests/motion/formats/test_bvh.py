import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import MotionFileError
from bimotion.motion.formats.bvh import read_bvh
from tests.motion.euler import euler_to_matrix
from tests.motion.skeletons import world_poses

SMALL = """HIERARCHY
ROOT hip
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT arm
  {
    OFFSET 0 10 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
4 5 6 0 0 0 0 0 0
4 5 6 90 0 0 10 20 30
"""


def read(tmp_path, text):
    path = tmp_path / "a.bvh"
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return read_bvh(path)


def test_positions_replace_offsets_and_rotations_apply_in_order(tmp_path) -> None:
    source = read(tmp_path, SMALL)
    assert source.skeleton.names == ("hip", "arm", "arm_end")
    assert source.skeleton.parents == (-1, 0, 1)
    positions, rotations = world_poses(source, [0, 1, 2])
    np.testing.assert_allclose(positions[0], [[4, 5, 6], [4, 15, 6], [4, 20, 6]])
    # a quarter turn about Z brings up to the left of X
    np.testing.assert_allclose(positions[1, 1], [-6, 5, 6], atol=1e-12)
    quarter = euler_to_matrix(np.radians([90.0, 0, 0]), "zxy")
    arm = euler_to_matrix(np.radians([10.0, 20, 30]), "xyz")
    np.testing.assert_allclose(rotations[1, 1], quarter @ arm, atol=1e-12)


def test_only_some_position_channels_replace_only_those(tmp_path) -> None:
    text = SMALL.replace("6 Xposition Yposition Zposition", "4 Yposition").replace("\n4 5 6 ", "\n5 ")
    positions, _ = world_poses(read(tmp_path, text), [0])
    np.testing.assert_allclose(positions[0, 0], [1, 5, 3])


@pytest.mark.parametrize(
    ("channels", "values"), [("1 Yrotation", "90"), ("2 Yrotation Xrotation", "90 0"), ("0", "")]
)
def test_a_joint_may_have_any_number_of_channels(tmp_path, channels, values) -> None:
    text = SMALL.replace("3 Xrotation Yrotation Zrotation", channels)
    text = text.replace("0 0 0 0 0 0\n", f"0 0 0 {values}\n").replace("90 0 0 10 20 30", f"0 0 0 {values}")
    _, rotations = world_poses(read(tmp_path, text), [1])
    expected = euler_to_matrix(np.array([np.pi / 2 if values else 0.0, 0.0, 0.0]), "yxz")
    np.testing.assert_allclose(rotations[0, 0], expected, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        SMALL.replace("\n", "\r\n"),
        SMALL.replace("  ", "\t"),
        "\ufeff" + SMALL,
        SMALL.replace("4 5 6 ", "4 5 6\n"),
        SMALL.replace("{\n", "{ ")
        .replace("3\n", "3 ")
        .replace("0\n  }", "0 }")
        .replace("HIERARCHY\n", "HIERARCHY "),
        SMALL.replace("Frames: 2", "Frames:\t2").replace("Xposition", "XPOSITION"),
        SMALL.rstrip() + "   \n\n\n",
        SMALL.replace("\n", "\r"),
        SMALL.replace(" 30\n", " 30.0\n").replace("0.0333333", "0,0333333").replace("30.0", "30,0"),
        SMALL.title(),
        SMALL.lower(),
        "# by a program\n// version 2\n" + SMALL.replace("OFFSET 0 10 0", "OFFSET 0 10 0 # arm"),
        SMALL.encode("utf-16"),
        SMALL.encode("utf-16-le"),
        SMALL.replace("{", "\n\n{"),
    ],
    ids=[
        *("windows", "tabs", "byte-order-mark", "broken-lines", "few-lines", "case-and-tabs", "blank-end"),
        *(
            "old-mac",
            "decimal-comma",
            "title",
            "lower",
            "comments",
            "utf-16",
            "utf-16-no-mark",
            "blank-lines",
        ),
    ],
)
def test_spelling_does_not_matter(tmp_path, text) -> None:
    plain, _ = world_poses(read(tmp_path, SMALL), [0, 1, 2])
    positions, _ = world_poses(read(tmp_path, text), [0, 1, 2])
    np.testing.assert_array_equal(positions, plain)


@pytest.mark.parametrize("name", ["ROOT", "JOINT", "joint", "OFFSET", "End Site", "MOTION", "左腕"])
def test_a_joint_may_have_the_name_of_a_keyword(tmp_path, name) -> None:
    names = read(tmp_path, SMALL.replace("JOINT arm", f"JOINT {name}")).skeleton.names
    assert names == ("hip", name, f"{name}_end")


def test_shift_jis_names_are_read(tmp_path) -> None:
    data = SMALL.replace("JOINT arm", "JOINT 左腕").encode("shift_jis")
    assert read(tmp_path, data).skeleton.names[1] == "左腕"


def test_names_may_hold_spaces(tmp_path) -> None:
    assert read(tmp_path, SMALL.replace("JOINT arm", "JOINT Bip01 L Arm")).skeleton.names[1] == "Bip01 L Arm"


@pytest.mark.parametrize(
    ("frame_time", "fps"),
    [
        *(("0.0333333", 30), ("0.00833333", 120), ("0.016667", 60), ("0.0333667", 29.97), (".05", 20)),
        *(("0.0083", 120), ("0.017", 60), ("0.033", 30), ("0.0333", 30), ("0.04", 25), ("0.02", 50)),
        *(("0.0417", 24), ("0.0416", 24), ("0.0166", 60), ("0.01", 100), ("0.0078125", 128), ("1e-2", 100)),
        *(("0.041708", 23.976), ("0.011111", 90), ("0.0067", 150), ("0.00277", 360)),
    ],
)
def test_rates_are_those_that_the_file_was_rounded_from(tmp_path, frame_time, fps) -> None:
    source = read(tmp_path, SMALL.replace("0.0333333", frame_time))
    assert source.fps == pytest.approx(fps, abs=1e-3)
    assert not source.notes


@pytest.mark.parametrize(
    ("frame_time", "fps", "note"),
    [
        *(("0", 30, "30 frames per second are assumed"), ("-1", 30, "are assumed")),
        *(("30", 30, "is taken as a rate"), ("120", 120, "is taken as a rate"), ("25", 25, "a rate")),
        *(("33.333", 30, "milliseconds"), ("16.667", 60, "milliseconds"), ("8.33", 120, "milliseconds")),
        *(("41.7", 24, "milliseconds"), ("33333", 30, "microseconds"), ("1800", 30, "are assumed")),
        *(("fast", 30, "are assumed"), ("nan", 30, "are assumed"), ("1", 30, "are assumed")),
        *(("1e-9", 30, "are assumed"), ("-0.0333333", 30, "its sign is ignored"), ("", 30, "no frame time")),
    ],
)
def test_absurd_frame_times_are_interpreted_and_said(tmp_path, frame_time, fps, note) -> None:
    source = read(tmp_path, SMALL.replace("0.0333333", frame_time))
    assert source.fps == pytest.approx(fps)
    assert note in source.notes[-1]


def test_the_given_rate_replaces_the_stated_one(tmp_path) -> None:
    (tmp_path / "a.bvh").write_text(SMALL.replace("0.0333333", "0"))
    source = read_bvh(tmp_path / "a.bvh", 60)
    assert (source.fps, source.notes) == (60, ())
    with pytest.raises(MotionFileError, match="--rate must be 1 to 2000"):
        read_bvh(tmp_path / "a.bvh", 0.01)


@pytest.mark.parametrize("count", ["0", "1", "3", "-2", "x", "99999999999999999999", ""])
def test_the_frames_that_are_there_count(tmp_path, count) -> None:
    source = read(tmp_path, SMALL.replace("Frames: 2", f"Frames: {count}"))
    assert source.num_frames == 2
    assert "the file has 2, which are read" in source.notes[0]
    source = read(tmp_path, SMALL.replace("Frames: 2\n", ""))
    assert (source.num_frames, len(source.notes)) == (2, 1)


def test_a_cut_last_line_is_left_out(tmp_path) -> None:
    source = read(tmp_path, SMALL.replace(" 10 20 30", " 10"))
    assert source.num_frames == 1
    assert "line 20 is cut off: 7 of 9 numbers; the 1 whole frames" in source.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a binary file"),
        ("GIF89a, a picture", "starts with HIERARCHY, got 'GIF89a, a picture'"),
        (SMALL[: SMALL.index("MOTION")], "no MOTION section"),
        (SMALL[: SMALL.index("Frames")], "no frames after the header"),
        (SMALL[: SMALL.index("4 5 6")], "no frames after the header"),
        (
            SMALL.replace("0 0 0 0 0 0\n", "0 0 0 0 0\n"),
            "line 19: expected 9 numbers, one per channel, got 8",
        ),
        (SMALL.replace("4 5 6 90", "4 5 6-90"), "line 20: '6-90' is not a number; a space is missing"),
        (SMALL.replace("10 20 30", "10 20 x"), "line 20: 'x' is not a number"),
        (
            SMALL.replace("Xposition Yposition Zposition Zrotation Xrotation Yrotation", "0"),
            "line 5: cannot read",
        ),
        (re.sub("CHANNELS.*", "", SMALL), "no joint has channels"),
        (SMALL.replace("    OFFSET 0 10 0\n", "    OFFSET 0 10 0 7\n"), "line 8: expected OFFSET and three"),
        (SMALL.replace("10 20 30", "10 20 nan"), "frame 1 has a value that is not finite"),
        (SMALL.replace("OFFSET 0 10 0", "OFFSET 0 10"), "expected OFFSET and three numbers"),
        (SMALL.replace("OFFSET 0 10 0", "OFFSET 0 10 inf"), "expected OFFSET and three numbers"),
        (
            SMALL.replace("Xrotation Yrotation Zrotation\n    End", "Xrotation Wrotation Zrotation\n    End"),
            "unknown channel",
        ),
        (SMALL.replace("CHANNELS 3", "CHANNELS 4"), "cannot read 'CHANNELS 4"),
        (SMALL.replace("}\nMOTION", "MOTION"), "1 braces are not closed"),
        (SMALL.replace("  JOINT arm", "  }\n  FLOWER arm"), "line 7: cannot read 'FLOWER arm'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, message) -> None:
    with pytest.raises(MotionFileError, match=message) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)
    assert "a.bvh" in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_read(tmp_path_factory, position, byte) -> None:
    folder = tmp_path_factory.getbasetemp()
    damaged = SMALL.encode()
    for text in (damaged[:position], damaged[:position] + bytes([byte]) + damaged[position + 1 :]):
        try:
            positions, _ = world_poses(read(folder, text), [0])
        except MotionFileError:
            continue
        assert np.isfinite(positions).all()
