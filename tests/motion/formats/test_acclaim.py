import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bimotion.errors import MotionFileError
from bimotion.motion.formats.acclaim import read_acclaim, read_asf
from tests.motion.euler import euler_to_matrix
from tests.motion.skeletons import world_poses

ASF = """# a comment
:version 1.10
:name test
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   some words
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 2
     name lower
     direction 0 -2 0
     length 3
     axis 0 0 20 XYZ
    dof rx
    limits (-10.0 170.0)
  end
  begin
     id 1
     name upper
     direction 0 -1 0
     length 4
     axis 10 20 30 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
:hierarchy
  begin
    root upper
    upper lower
  end
"""
AMC = """#!OML:ASF test
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
upper 0 0 0
lower 0
2
root 1 2 3 10 20 30
upper 5 6 7
lower 40
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "07.asf").write_text(ASF)
    (tmp_path / "07_01.amc").write_text(AMC)
    return tmp_path


def turn(x: float, y: float, z: float) -> np.ndarray:
    """First about the fixed X, then Y, then Z."""
    return euler_to_matrix(np.radians([z, y, x]), "zyx")


def test_bones_turn_in_their_own_axes(folder) -> None:
    source = read_acclaim(folder / "07_01.amc")
    assert source.fps == 120
    assert source.metres == pytest.approx(0.0254 / 0.45)
    assert source.skeleton.names == ("root", "upper", "lower")
    positions, rotations = world_poses(source, [0, 1, 2])
    # a bone is called by the joint it starts in, and its vector says where the next one is
    np.testing.assert_allclose(positions[0], [[1, 2, 3], [1, 2, 3], [1, -2, 3]], atol=1e-12)
    axis = turn(10, 20, 30)
    upper = turn(10, 20, 30) @ axis @ turn(5, 6, 7) @ axis.T
    np.testing.assert_allclose(rotations[1, 1], upper, atol=1e-12)
    np.testing.assert_allclose(positions[1, 2], [1, 2, 3] + upper @ [0, -4, 0], atol=1e-12)
    hinge = turn(0, 0, 20)
    np.testing.assert_allclose(rotations[1, 2], upper @ hinge @ turn(40, 0, 0) @ hinge.T, atol=1e-12)


@pytest.mark.parametrize("name", ["07.asf", "07_01.asf", "other.asf"])
def test_the_skeleton_is_found_beside_the_motion(folder, name) -> None:
    (folder / "07.asf").rename(folder / name)
    assert read_acclaim(folder / "07_01.amc").num_frames == 2


def test_a_skeleton_that_cannot_be_told_is_asked_for(folder) -> None:
    (folder / "07.asf").rename(folder / "a.asf")
    (folder / "b.asf").write_text(ASF)
    with pytest.raises(MotionFileError, match="none of the 2 .asf files beside it has a name .* --skeleton"):
        read_acclaim(folder / "07_01.amc")
    assert read_acclaim(folder / "07_01.amc", folder / "b.asf").num_frames == 2


def test_radians_are_read_as_radians(folder) -> None:
    (folder / "07.asf").write_text(ASF.replace("angle deg", "angle rad").replace("0 0 20 XYZ", "0 0 0 XYZ"))
    (folder / "07_01.amc").write_text("1\nroot 0 0 0 0 0 0\nlower 0.5\nupper 0 0 0\n")
    _, rotations = world_poses(read_acclaim(folder / "07_01.amc"), [2])
    np.testing.assert_allclose(rotations[0, 0], turn(np.degrees(0.5), 0, 0), atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("hello world\n", "numbered frames"),
        (":DEGREES\n", "no frames"),
        (AMC.replace("lower 40\n", ""), "'lower' needs 1 values in each of 2 frames"),
        (AMC.replace("lower 40", "lower"), "'lower' needs 1 values"),
        (AMC.replace("lower 40", "lower x"), "'lower' needs 1 values"),
        (AMC.replace("lower 40", "lower nan"), "'lower' needs 1 values"),
        (AMC.replace("lower", "tail"), "bone 'tail' is not in the skeleton"),
    ],
)
def test_a_wrong_motion_is_explained(folder, text, message) -> None:
    (folder / "07_01.amc").write_text(text)
    with pytest.raises(MotionFileError, match=message):
        read_acclaim(folder / "07_01.amc")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (":units", ":things"),
        ("length 0.45", "length zero"),
        ("length 0.45", "length 0"),
        ("    upper lower\n", ""),
        ("root upper", "root tail"),
        ("upper lower", "upper lower\n    lower upper"),
        ("dof rx ry rz", "dof rx rq rz"),
        ("axis 0 0 20 XYZ", "axis 0 0 20 XYX"),
        ("length 3", "length nan"),
        ("length 3", "length"),
        ("direction 0 -2 0", "direction 0 -2"),
        ("axis 0 0 20 XYZ", "axis 0 0 20"),
        ("orientation 0 0 0", "orientation 0 0"),
        ("orientation 0 0 0", "orientation 0 0 0 0"),
    ],
)
def test_a_wrong_skeleton_is_explained(tmp_path, old, new) -> None:
    (tmp_path / "07.asf").write_text(ASF.replace(old, new, 1))
    with pytest.raises(MotionFileError, match="not a well-formed ASF skeleton"):
        read_asf(tmp_path / "07.asf")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(ASF)), st.integers(0, len(AMC)), st.integers(0, 255))
def test_damaged_files_are_refused_or_read(tmp_path_factory, asf_position, amc_position, byte) -> None:
    folder = tmp_path_factory.getbasetemp()
    asf, amc = ASF.encode(), AMC.encode()
    (folder / "d.asf").write_bytes(asf[:asf_position] + bytes([byte]) + asf[asf_position + 1 :])
    (folder / "d.amc").write_bytes(amc[:amc_position] + bytes([byte]) + amc[amc_position + 1 :])
    try:
        positions, _ = world_poses(read_acclaim(folder / "d.amc"), [0])
    except MotionFileError:
        return
    assert np.isfinite(positions).all()
