"""docs/formats.md: its commands run, and its tables are those of the code."""

import re
import shlex
from dataclasses import fields
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import bimotion
from bimotion.cli.main import exit_code
from bimotion.data.store import Item, MotionStore
from bimotion.features import features_to_joints, joints_to_features, layout
from bimotion.motion.clip import Clip
from bimotion.motion.formats import READS
from bimotion.motion.retarget import families
from bimotion.motion.skeleton import JOINT_NAMES, PARENTS, REST_OFFSETS
from bimotion.render.files import FORMATS
from tests.motion.skeletons import FAMILIES, Family, record

TEXT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")

ODD = Family(
    {
        "hips": "base",
        **{"hip": "leg1_{s}", "knee": "leg2_{s}", "ankle": "leg3_{s}", "foot": "toe_{s}"},
        **{"spine": "belly", "spine1": "back", "spine2": "ribs", "neck": "neck_a", "head": "skull"},
        **{"collar": "arm0_{s}", "shoulder": "arm1_{s}", "elbow": "arm2_{s}", "wrist": "arm3_{s}"},
    },
    sides=("L", "R"),
)
BANDAI = Family(
    {
        "hips": "Hips",
        **{"hip": "UpperLeg_{s}", "knee": "LowerLeg_{s}", "ankle": "Foot_{s}", "foot": "Toes_{s}"},
        **{"spine": "Spine", "spine1": "Spine1", "spine2": "Chest", "neck": "Neck", "head": "Head"},
        **{
            "collar": "Shoulder_{s}",
            "shoulder": "UpperArm_{s}",
            "elbow": "LowerArm_{s}",
            "wrist": "Hand_{s}",
        },
    },
    sides=("L", "R"),
)


def block(language: str, number: int = 0, count: int = 1) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert len(found) == count
    return str(found[number])


def standing() -> np.ndarray:
    """Joints of a person whose arms hang."""
    joints = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], 1):
        joints[joint] = joints[parent] + REST_OFFSETS[joint]
    for shoulder, elbow, wrist in ((16, 18, 20), (17, 19, 21)):
        joints[elbow], joints[wrist] = joints[shoulder] - [0, 0.26, 0], joints[shoulder] - [0, 0.5, -0.03]
    return joints - [0, joints[:, 1].min(), 0]


def acclaim(frames: int) -> tuple[str, str]:
    """A skeleton as CMU names it, and somebody who slides forward on it."""
    unit, at = 0.0254 / 0.45, dict(zip(JOINT_NAMES, standing(), strict=True))
    legs = [
        ("hipjoint", "pelvis", "hip"),
        ("femur", "hip", "knee"),
        ("tibia", "knee", "ankle"),
        ("foot", "ankle", "foot"),
    ]
    arms = [
        ("clavicle", "spine3", "shoulder"),
        ("humerus", "shoulder", "elbow"),
        ("radius", "elbow", "wrist"),
    ]
    bones, lines = [], []
    for letter, side in (("l", "left_"), ("r", "right_")):
        for chain, top in ((legs, "root"), (arms, "thorax")):
            parent = top
            for name, start, end in chain:
                begin = at.get(side + start, at.get(start))
                bones.append((letter + name, at[side + end] - begin))
                lines.append(f"{parent} {letter}{name}")
                parent = letter + name
            tip = (
                np.array([0, 0, 0.05])
                if chain is legs
                else np.array([0.08 if letter == "l" else -0.08, 0, 0])
            )
            bones.append((letter + ("toes" if chain is legs else "hand"), tip))
            lines.append(f"{parent} {bones[-1][0]}")
    spine = [
        ("lowerback", "pelvis", "spine1"),
        ("upperback", "spine1", "spine2"),
        ("thorax", "spine2", "spine3"),
    ]
    spine += [("lowerneck", "spine3", "neck"), ("upperneck", "neck", "head")]
    bones += [(name, at[end] - at[start]) for name, start, end in spine] + [("head", np.array([0, 0.1, 0]))]
    names = ["root", *(name for name, _, _ in spine), "head"]
    lines += [f"{above} {below}" for above, below in zip(names, names[1:], strict=False)]
    data = "".join(
        f"begin\nname {name}\ndirection {v[0]:.6f} {v[1]:.6f} {v[2]:.6f}\nlength {np.linalg.norm(v) / unit:.6f}\n"
        "axis 0 0 0 XYZ\nend\n"
        for name, v in bones
    )
    asf = (
        ":version 1.10\n:units\nlength 0.45\nangle deg\n:root\norder TX TY TZ RX RY RZ\naxis XYZ\nposition 0 0 0\n"
        f"orientation 0 0 0\n:bonedata\n{data}:hierarchy\nbegin\n" + "\n".join(lines) + "\nend\n"
    )
    pelvis = at["pelvis"] / unit
    amc = ":FULLY-SPECIFIED\n:DEGREES\n" + "".join(
        f"{i + 1}\nroot 0 {pelvis[1]:.6f} {0.01 * i / unit:.6f} 0 0 0\n" for i in range(frames)
    )
    return asf, amc


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the files that the document speaks of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bimotion.data.prepare.num_cores", lambda: 1)
    for folder in ("takes", "odd", "amass", "bandai", "cmu/02", "data", "body_models/smplh"):
        Path(folder).mkdir(parents=True)
    Path("mixamo.bvh").write_text(record(FAMILIES["mixamo"]).text)
    Path("odd.bvh").write_text(record(ODD).text)
    Path("odd/strange.bvh").write_text(record(ODD, num_frames=90).text)
    Path("odd.json").write_text(block("json"))
    Path("bandai/dataset-1_walk_normal_001.bvh").write_text(record(BANDAI, num_frames=90).text)
    asf, amc = acclaim(240)
    for path in ("02.asf", "actor.asf", "cmu/02/02.asf"):
        Path(path).write_text(asf)
    for path in ("02_01.amc", "take.amc", "cmu/02/02_01.amc", "cmu/02/02_99.amc"):
        Path(path).write_text(amc)
    Path("cmu.jsonl").write_text(block("jsonl", 1, 2))
    _joints_source()
    slide = standing() + np.linspace(0, 4, 340)[:, None, None] * [0, 0, 1]
    np.savez("positions.npz", joints=1000 * slide[:60], fps=30)
    _arrays(slide)
    return tmp_path


def _joints_source() -> None:
    """One recording as the document describes the kind `joints`, and the catalogue of the package."""
    table, catalogue = Path("cmu-22joints"), Path("src/bimotion/data/static")
    table.mkdir()
    catalogue.mkdir(parents=True)
    name = "cmu_22joints.jsonl"
    (catalogue / name).write_text(resources.files("bimotion.data").joinpath("static", name).read_text())
    np.save(table / "joints.npy", np.repeat(standing()[None], 141, axis=0).astype(np.float32))
    (table / "recordings.jsonl").write_text('{"id": "walk_1", "offset": 0, "frames": 141}\n')
    (table / "captions.jsonl").write_text(block("jsonl", 0, 2))


def _arrays(slide: np.ndarray) -> None:
    np.savez(
        "body_models/smplh/SMPLH_NEUTRAL.npz",
        v_template=np.concatenate([standing(), np.zeros((30, 3))]),
        J_regressor=np.eye(52),
        shapedirs=np.zeros((52, 3, 2)),
    )
    poses = np.zeros((120, 156))
    poses[:, 0] = np.pi / 2
    for path in ("amass.npz", "amass/dance.npz"):
        np.savez(path, poses=poses, trans=np.zeros((120, 3)), mocap_framerate=60.0)
    Path("takes/captions.csv").write_text(block("csv"))
    bimotion.save_clip(Clip(slide[:70].astype(np.float32), 20.0), "takes/wave.bvh")
    bimotion.save_clip(Clip(slide.astype(np.float32), 20.0), "takes/long.bvh")
    for part in ("new_joint_vecs", "texts"):
        Path("HumanML3D", part).mkdir(parents=True)
    np.save("HumanML3D/new_joint_vecs/000001.npy", joints_to_features(slide[:121].astype(np.float32)))
    Path("HumanML3D/texts/000001.txt").write_text(block("text"))
    Path("HumanML3D/train.txt").write_text("000001\n")


def test_the_commands_run(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    commands = [shlex.split(line)[1:] for part in blocks for line in part.splitlines()]
    assert len(commands) >= 15
    for command in commands:
        assert exit_code(command) == 0, f"{command}: {capsys.readouterr().err}"
        if command[0] == "convert":
            assert Path(command[2]).stat().st_size > 500, command
    walk = bimotion.read_clip("walk.bvh")
    assert (len(walk), walk.fps) == (60, 30)
    assert bimotion.read_clip("positions.bvh").joints[0, 15, 1] == pytest.approx(standing()[15, 1], abs=1e-3)
    assert bimotion.read_clip("odd.npz").rotations is not None
    features = np.load("walk.npy")
    np.testing.assert_allclose(
        bimotion.read_clip("again.bvh").joints, features_to_joints(features), atol=0.02
    )
    takes = {item.take: item for item in MotionStore.open("all").items(mirrored=False)}
    mine = {"wave", "long", "strange", "dance", "000001", "walk_1"}
    assert set(takes) == {*mine, "bn1_walk_normal_001", "cmu_02_01", "cmu_02_02_99"}
    assert takes["cmu_02_02_99"].style == "sad"
    long = [item for item in MotionStore.open("data/mine").items(mirrored=False) if item.take == "long"]
    assert [item.captions for item in long] == [("someone walks.",), ("someone turns to the left.",)]


def test_the_families_are_the_codes() -> None:
    written = TEXT.partition("<!-- families -->")[2].partition("<!-- end of families -->")[0]
    names = [families.SMPL.name, *dict.fromkeys(family.name for family in families.FAMILIES)]
    assert " ".join(written.split()) == "; ".join(names) + "."


def test_formats_joints_columns_and_fields_are_the_codes() -> None:
    for suffix in {*READS, *FORMATS}:
        assert re.search(rf"^\|.*`{re.escape(suffix)}`", TEXT, re.MULTILINE), suffix
    assert " ".join(JOINT_NAMES) in " ".join(TEXT.split())
    for columns in ("RIC", "ROT6D", "LOCAL_VEL", "CONTACTS", "ROOT_XZ_VEL"):
        part = getattr(layout, columns)
        assert f"| {part.start}-{part.stop - 1} |" in TEXT
    table = TEXT.partition("A line of `index.jsonl`:")[2].partition("\n\nSplits")[0]
    described = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1:2][0] if "|" in row else "")
    }
    assert described == {field.name for field in fields(Item)}
