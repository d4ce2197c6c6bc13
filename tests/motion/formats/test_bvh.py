import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import MotionFileError
from bimotion.motion.formats.bvh import read_bvh
from bimotion.motion.rotations import euler_to_matrix

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
    positions, rotations = source.world_poses([0, 1, 2])
    np.testing.assert_allclose(positions[0], [[4, 5, 6], [4, 15, 6], [4, 20, 6]])
    # a quarter turn about Z brings up to the left of X
    np.testing.assert_allclose(positions[1, 1], [-6, 5, 6], atol=1e-12)
    quarter = euler_to_matrix(np.radians([90.0, 0, 0]), "zxy")
    arm = euler_to_matrix(np.radians([10.0, 20, 30]), "xyz")
    np.testing.assert_allclose(rotations[1, 1], quarter @ arm, atol=1e-12)


def test_only_some_position_channels_replace_only_those(tmp_path) -> None:
    text = SMALL.replace("6 Xposition Yposition Zposition", "4 Yposition").replace("\n4 5 6 ", "\n5 ")
    positions, _ = read(tmp_path, text).world_poses([0])
    np.testing.assert_allclose(positions[0, 0], [1, 5, 3])


@pytest.mark.parametrize(
    ("channels", "values"), [("1 Yrotation", "90"), ("2 Yrotation Xrotation", "90 0"), ("0", "")]
)
def test_a_joint_may_have_any_number_of_channels(tmp_path, channels, values) -> None:
    text = SMALL.replace("3 Xrotation Yrotation Zrotation", channels)
    text = text.replace("0 0 0 0 0 0\n", f"0 0 0 {values}\n").replace("90 0 0 10 20 30", f"0 0 0 {values}")
    _, rotations = read(tmp_path, text).world_poses([1])
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
    ],
    ids=["windows", "tabs", "byte-order-mark", "broken-lines", "few-lines", "case-and-tabs", "blank-end"],
)
def test_spelling_does_not_matter(tmp_path, text) -> None:
    plain, _ = read(tmp_path, SMALL).world_poses([0, 1, 2])
    positions, _ = read(tmp_path, text).world_poses([0, 1, 2])
    np.testing.assert_array_equal(positions, plain)


def test_names_may_hold_spaces(tmp_path) -> None:
    assert read(tmp_path, SMALL.replace("JOINT arm", "JOINT Bip01 L Arm")).skeleton.names[1] == "Bip01 L Arm"


@pytest.mark.parametrize(
    ("frame_time", "fps"),
    [("0.0333333", 30), ("0.00833333", 120), ("0.016667", 60), ("0.0333667", 29.97), (".05", 20)],
)
def test_rates_are_rounded_where_the_file_was(tmp_path, frame_time, fps) -> None:
    assert read(tmp_path, SMALL.replace("0.0333333", frame_time)).fps == pytest.approx(fps, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "starts with HIERARCHY"),
        (SMALL[: SMALL.index("MOTION")], "no MOTION section"),
        (SMALL[: SMALL.index("Frames")], "expected 'Frames: N'"),
        (SMALL.replace("Frames: 2", "Frames: 3"), "expected 3 frames of 9 numbers, got 18"),
        (SMALL.replace("Frames: 2", "Frames: 99999999999999999999"), "frames of 9 numbers, got 18"),
        (SMALL.replace("Frames: 2", "Frames: 0"), "number of frames above 0"),
        (SMALL.replace("Frames: 2", "Frames: -2"), "number of frames above 0"),
        (SMALL.replace("0.0333333", "0"), "expected a frame time"),
        (SMALL.replace("0.0333333", "fast"), "expected a frame time"),
        (SMALL.replace("10 20 30", "10 20"), "got 17 numbers"),
        (SMALL.replace("10 20 30", "10 20 x"), "not a number among the frames"),
        (SMALL.replace("10 20 30", "10 20 nan"), "frame 1 holds a number that is not finite"),
        (SMALL.replace("OFFSET 0 10 0", "OFFSET 0 10"), "expected OFFSET and three numbers"),
        (SMALL.replace("OFFSET 0 10 0", "OFFSET 0 10 inf"), "expected OFFSET and three numbers"),
        (
            SMALL.replace("Xrotation Yrotation Zrotation\n    End", "Xrotation Wrotation Zrotation\n    End"),
            "unknown channel",
        ),
        (SMALL.replace("CHANNELS 3", "CHANNELS 4"), "cannot read 'CHANNELS 4"),
        (SMALL.replace("}\nMOTION", "MOTION"), "1 braces stay open"),
        (SMALL.replace("  JOINT arm", "  FLOWER arm"), "cannot read 'FLOWER arm'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, message) -> None:
    with pytest.raises(MotionFileError, match=message) as error:
        read(tmp_path, text)
    assert "\n" not in str(error.value)
    assert "a.bvh" in str(error.value)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_read(tmp_path_factory, place, byte) -> None:
    folder = tmp_path_factory.getbasetemp()
    damaged = SMALL.encode()
    for text in (damaged[:place], damaged[:place] + bytes([byte]) + damaged[place + 1 :]):
        try:
            positions, _ = read(folder, text).world_poses([0])
        except MotionFileError:
            continue
        assert np.isfinite(positions).all()
