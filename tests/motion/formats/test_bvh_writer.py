"""What is written as BVH, read by programs that are not ours."""

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bimotion.errors import ConfigError
from bimotion.motion.clip import Clip
from bimotion.motion.formats import read_motion, write_motion
from bimotion.motion.formats.joint_names import NAMES
from bimotion.motion.formats.write_options import WriteOptions
from bimotion.motion.kinematics import clip_to_pose
from bimotion.motion.skeleton import JOINT_NAMES

pytestmark = pytest.mark.filterwarnings("ignore:Importing PyGLM:PendingDeprecationWarning")

DATA = Path(__file__).parent / "data"
GENERATED, RIGID = 0.006, 0.001
"""How far joints may be off in another reader, metres."""


@pytest.fixture(scope="module")
def generated() -> Clip:
    """What the bundled model made of "a person walks forward and turns to the left", seed 1: not rigid at the hips."""
    return Clip(np.load(DATA / "generated_walk.npy"), 20.0)


@pytest.fixture(scope="module")
def rigid(generated: Clip) -> Clip:
    return Clip(clip_to_pose(generated).joints().astype(np.float32), 20.0)


def by_bvhio(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """Positions of the joints by bvhio, every eighth frame."""
    import bvhio

    root = bvhio.readAsHierarchy(str(path))
    joints = {joint.Name: joint for joint, _, _ in root.layout()}
    num_frames = len(root.Keyframes)
    out = []
    for frame in range(0, num_frames, 8):
        root.loadPose(frame)
        out.append([[*joints[name].PositionWorld] for name in names])
    return np.array(out)


def by_pymotion(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """Positions of the joints by pymotion, every eighth frame."""
    from pymotion.io.bvh import BVH
    from pymotion.ops.skeleton import fk

    bvh = BVH()
    bvh.load(str(path))
    rotations, positions, parents, offsets, _, _ = bvh.get_data()
    world, _ = fk(rotations, positions[:, 0, :], offsets, parents)
    order = [list(bvh.data["names"]).index(name) for name in names]
    return np.asarray(world[::8, order])


def by_research_rules(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """Positions of the joints by what the loaders of LAFAN1 and of Holden's networks assume, every eighth frame.

    Three channels a joint and three more for the root, one order of axes for all, taken from the last CHANNELS line;
    offsets never change, and the three first columns replace the root's.
    """
    found, parents, offsets, open_joints, order = [], [], [], [], ""
    rows: list[list[float]] = []
    end_site = False
    for line in path.read_text().splitlines():
        words = line.split()
        match words:
            case ["ROOT" | "JOINT", name]:
                parents.append(open_joints[-1] if open_joints else -1)
                open_joints.append(len(found))
                found.append(name)
            case ["End", "Site"]:
                end_site = True
            case ["OFFSET", *numbers] if not end_site:
                offsets.append([float(number) for number in numbers])
            case ["CHANNELS", _, *kinds]:
                order = "".join(kind[0] for kind in kinds[-3:])
            case ["}"]:
                if not end_site:
                    open_joints.pop()
                end_site = False
            case _ if words and words[0][0] in "-0123456789":
                rows.append([float(number) for number in words])
    values = np.array(rows)[::8]
    assert values.shape[1] == 3 + 3 * len(found)
    world: list[Rotation] = []
    positions: list[np.ndarray] = []
    for joint, parent in enumerate(parents):
        local = Rotation.from_euler(order, values[:, 3 + 3 * joint : 6 + 3 * joint], degrees=True)
        world.append(local if parent < 0 else world[parent] * local)
        at = values[:, :3] if parent < 0 else positions[parent] + world[parent].apply(offsets[joint])
        positions.append(at)
    return np.stack([positions[found.index(name)] for name in names], axis=1)


def channels(path: Path) -> tuple[list[str], np.ndarray]:
    """The channel lines and the values of a file."""
    header, _, motion = path.read_text().partition("MOTION")
    values = np.array([line.split() for line in motion.splitlines()[3:]], dtype=float)
    return [line.strip() for line in header.splitlines() if "CHANNELS" in line], values


@pytest.mark.parametrize("read", [by_bvhio, by_pymotion, by_research_rules])
@pytest.mark.parametrize("kind", ["generated", "rigid"])
def test_other_readers_find_the_joints(tmp_path, request, kind, read) -> None:
    clip = request.getfixturevalue(kind)
    write_motion(clip, tmp_path / "a.bvh")
    found = read(tmp_path / "a.bvh", JOINT_NAMES)
    tolerance = GENERATED if kind == "generated" else RIGID
    np.testing.assert_allclose(found, clip.joints[::8], atol=tolerance)


def test_three_js_finds_the_joints(tmp_path, generated) -> None:
    web = Path(__file__).parents[3] / "web"
    if shutil.which("node") is None or not (web / "node_modules" / "three").is_dir():
        pytest.skip("needs node, and `npm ci` in web/")
    write_motion(generated, tmp_path / "a.bvh")
    script = Path(__file__).parent / "three_bvh.mjs"
    out = subprocess.run(
        ["node", str(script), str(web), str(tmp_path / "a.bvh"), json.dumps(JOINT_NAMES)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = np.array(json.loads(out.stdout))
    np.testing.assert_allclose(found, generated.joints[: len(found)], atol=GENERATED)
    assert len(found) == len(generated)


def test_only_the_root_has_positions(tmp_path, generated) -> None:
    """The loaders of LAFAN1 and Holden's networks expect 3 + 3 J columns; offsets are constant by the format."""
    write_motion(generated, tmp_path / "a.bvh")
    lines, values = channels(tmp_path / "a.bvh")
    assert [line.split()[1] for line in lines] == ["6"] + ["3"] * 21
    assert values.shape == (128, 3 + 3 * 22)


@pytest.mark.parametrize("scheme", NAMES)
def test_names_and_centimetres(tmp_path, rigid, scheme) -> None:
    write_motion(rigid, tmp_path / "a.bvh", WriteOptions(names=scheme, unit="cm"))
    found = by_bvhio(tmp_path / "a.bvh", NAMES[scheme])
    np.testing.assert_allclose(found / 100, rigid.joints[::8], atol=RIGID)


def test_a_root_bone_carries_the_way_and_nothing_moves(tmp_path, rigid) -> None:
    write_motion(rigid, tmp_path / "a.bvh", WriteOptions(root_bone=True))
    found = by_bvhio(tmp_path / "a.bvh", ("root", *JOINT_NAMES))
    np.testing.assert_allclose(found[:, 1:], rigid.joints[::8], atol=RIGID)
    assert np.abs(found[:, 0, 1]).max() < 1e-6
    assert np.linalg.norm(found[:, 0, [0, 2]] - rigid.joints[::8, 0][:, [0, 2]], axis=-1).max() < 0.1
    back = read_motion(tmp_path / "a.bvh")
    np.testing.assert_allclose(back.joints, rigid.joints, atol=RIGID)


def test_rates_trimming_and_treading_on_the_spot(tmp_path, rigid) -> None:
    write_motion(rigid, tmp_path / "a.bvh", WriteOptions(fps=60, start=1, end=3))
    back = read_motion(tmp_path / "a.bvh")
    assert (len(back), back.fps) == (118, pytest.approx(60))
    np.testing.assert_allclose(back.joints[::3], rigid.joints[20:60], atol=RIGID)
    write_motion(rigid, tmp_path / "b.bvh", WriteOptions(in_place=True))
    still = read_motion(tmp_path / "b.bvh").joints
    assert np.linalg.norm(still[:, 0, [0, 2]], axis=-1).max() < 0.1 < np.ptp(rigid.joints[:, 0, 2])
    np.testing.assert_allclose(still - still[:, :1], rigid.joints - rigid.joints[:, :1], atol=RIGID)


@pytest.mark.parametrize(
    ("suffix", "options", "message"),
    [
        (".npy", {"names": "mixamo"}, "names and root_bone are for .bvh and .glb, got .npy"),
        (".glb", {"unit": "cm"}, "unit: .glb is in metres by definition"),
    ],
)
def test_options_that_a_format_cannot_have_are_refused(tmp_path, rigid, suffix, options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        write_motion(rigid, tmp_path / f"a{suffix}", WriteOptions(**options))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fps": 0}, "expected 1 to 1000 frames per second, got 0"),
        ({"start": 2, "end": 1}, "expected 0 <= start < end seconds, got 2 and 1"),
    ],
)
def test_options_outside_their_range(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        WriteOptions(**options)


def test_unknown_names_are_refused_where_no_types_are_checked() -> None:
    with pytest.raises(
        ConfigError, match="names must be one of smpl, mixamo, unreal, unity, vrm, got 'maya'"
    ):
        WriteOptions.__post_init__(SimpleNamespace(names="maya", unit="m", fps=None, start=None, end=None))


def test_a_start_beyond_the_end_is_refused(tmp_path, rigid) -> None:
    with pytest.raises(ConfigError, match=r"the motion is 6\.40 s long, got 9 s"):
        write_motion(rigid, tmp_path / "a.bvh", WriteOptions(start=9))
