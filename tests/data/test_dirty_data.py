"""Data as users have it: every fault is one row of the report, and the rest is used."""

import codecs
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bimotion.data.prepare import prepare_dataset
from bimotion.data.report import CaptionCount, PrepareReport
from bimotion.data.store import Item, MotionStore
from bimotion.data.windows import CONTRADICTED, NO_MIRROR, PART_LENGTH, TOO_LONG, TOO_SHORT_PART, WindowConfig
from bimotion.errors import DataError
from bimotion.features import joints_to_features
from tests.data.made_up import make_motion


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    np.save(folder / "walk.npy", make_motion(60, speed=1.0))
    return folder


def prepare(folder: Path, **options: object) -> PrepareReport:
    out = folder.parent / f"out-{len(list(folder.parent.iterdir()))}"
    return prepare_dataset("bvh", folder, out, workers=1, **options)  # type: ignore[arg-type]


def items_of(report: PrepareReport) -> dict[str, Item]:
    return {item.id: item for item in MotionStore.open(report.folder)}


def reasons_of(report: PrepareReport) -> dict[str, str]:
    return {Path(failure.path).name: failure.reason for failure in report.failures}


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "a person walks.\r\nhe strolls – slowly.".encode(),
        codecs.BOM_UTF16_LE + "a person walks.\nhe strolls – slowly.".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "a person walks.\nhe strolls – slowly.".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "a person walks.\nhe strolls – slowly.".encode("utf-32-le"),
        "a person walks.\rhe strolls – slowly.\r".encode(),
    ],
)
def test_captions_with_a_byte_order_mark_are_read_whole(takes: Path, data: bytes) -> None:
    (takes / "walk.txt").write_bytes(data)
    assert items_of(prepare(takes))["walk#00"].captions == ("a person walks.", "he strolls – slowly.")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("a café walk.".encode("latin-1"), "byte 0xe9 is not UTF-8"),
        ("a person walks.".encode("utf-16-le"), "NUL characters"),
        (codecs.BOM_UTF16_LE + b"a\xd8\x00", "not text in UTF-16-LE"),
        (b"a person \x1b[31mwalks.", "control characters"),
    ],
)
def test_other_encodings_are_refused_with_the_file_and_the_rest_is_used(
    takes: Path, data: bytes, reason: str
) -> None:
    (takes / "walk.txt").write_bytes(data)
    report = prepare(takes)
    assert items_of(report)["walk#00"].captions == ()
    (failure,) = report.failures
    assert Path(failure.path).name.startswith("walk.txt")
    assert reason in failure.reason
    assert report.captions.motion_only == 1


def test_captions_without_words_or_with_special_tokens_are_rows(takes: Path) -> None:
    token = "he walks <motion_latent_holder> on"
    held = "the caption holds <motion_latent_holder>, a special token of the models"
    (takes / "walk.txt").write_text(f"a person walks.\n!?\n{token}\n#walk/VERB#0.0#0.0\n")
    report = prepare(takes)
    assert items_of(report)["walk#00"].captions == ("a person walks.",)
    empty = "the caption has no words"
    assert reasons_of(report) == {"walk.txt:2": empty, "walk.txt:3": held, "walk.txt:4": empty}
    (takes / "captions.csv").write_text(f"file,caption\nwalk.npy,he strolls.\nwalk.npy,{token}\n")
    report = prepare(takes)
    assert items_of(report)["walk#00"].captions == ("he strolls.",)
    assert reasons_of(report) == {"captions.csv:3": held}


def test_a_line_in_another_encoding_is_one_row_and_the_other_lines_are_used(takes: Path) -> None:
    table = "file,caption\nwalk.npy,a person walks.\nwalk.npy,a café walk.\nwalk.npy,he strolls.\n"
    (takes / "captions.csv").write_bytes(table.encode("latin-1"))
    report = prepare(takes)
    assert items_of(report)["walk#00"].captions == ("a person walks.", "he strolls.")
    assert reasons_of(report) == {"captions.csv:3": "byte 0xe9 is not UTF-8; save the file as UTF-8"}


def test_every_row_of_a_table_is_read_whole_or_refused(takes: Path) -> None:
    rows = [
        "file,caption,start,end",
        'walk.npy,"a person walks, then stops.",,',
        'walk.npy, "he says ""go"" and walks, fast.",,',
        "walk.npy,a person walks, then stops.,,",
        "walk.npy,a person walks, then stops.",
        'walk.npy,"a person walks.,,',
        "walk.npy,a person walks.,two,3",
        "walk.npy,a person walks.,3,1",
        "walk.npy,a person walks.,nan,1",
        "ghost.npy,a person floats.,,",
        ",a person walks.,,",
        "./walk.npy,a separator\u2028and a form feed.,,,",
    ]
    (takes / "captions.csv").write_text("\n".join(rows), "utf-8")
    report = prepare(takes)
    assert items_of(report)["walk#00"].captions == (
        "a person walks, then stops.",
        'he says "go" and walks, fast.',
        "a separator\u2028and a form feed.",
    )
    reasons = reasons_of(report)
    assert sorted(reasons) == sorted(f"captions.csv:{line}" for line in (4, 5, 6, 7, 8, 9, 10, 11))
    assert "names 'ghost.npy'" in reasons["captions.csv:10"]
    assert "comma not in quotes" in reasons["captions.csv:4"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_tables_may_be_divided_by_semicolons_or_tabs(takes: Path, delimiter: str) -> None:
    text = "file,caption,start,end\nwalk.npy,he walks,0,2.5\n".replace(",", delimiter)
    (takes / "captions.csv").write_text(text.replace("2.5", "2,5"))
    assert items_of(prepare(takes))["walk#00"].captions == ("he walks",)


def test_sidecars_in_the_published_format_keep_text_times_and_tags(takes: Path) -> None:
    (takes / "walk.txt").write_text(
        "a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\nhe stands.#he/PRON stand/VERB#0.0#0.3\ncaption #2\n"
    )
    report = prepare(takes)
    item = items_of(report)["walk#00"]
    assert item.captions == ("a man walks.", "caption #2")
    assert item.tags == ("a/DET man/NOUN walk/VERB", "")
    assert items_of(report)["walk#00M"].tags == ()
    assert report.captions.unused == {TOO_SHORT_PART: CaptionCount(1, 1)}


def test_names_that_flatten_to_the_same_name_stay_apart(takes: Path) -> None:
    (takes / "a").mkdir()
    np.save(takes / "a" / "b.npy", make_motion(60, hand="left"))
    np.save(takes / "a__b.npy", make_motion(50, speed=2.0))
    report = prepare(takes)
    store = MotionStore.open(report.folder)
    lengths = {item.id: item.num_frames for item in store.items(mirrored=False)}
    assert lengths == {"a/b#00": 59, "a__b#00": 49, "walk#00": 59}


def test_hidden_files_are_no_recordings_and_broken_links_are_rows(takes: Path) -> None:
    np.save(takes / ".walk.k3x9f_.npy", make_motion(60))
    (takes / ".trash").mkdir()
    np.save(takes / ".trash" / "old.npy", make_motion(60))
    (takes / "gone.bvh").symlink_to(takes / "nowhere.bvh")
    report = prepare(takes)
    assert report.num_recordings == 1
    assert reasons_of(report) == {"gone.bvh": "is a link to a file that does not exist"}


def test_long_paths_are_recordings(takes: Path) -> None:
    folder = takes.joinpath(*["n" * 60] * 8)
    folder.mkdir(parents=True)
    shutil.copy(takes / "walk.npy", folder / "w.npy")
    assert prepare(takes).num_recordings == 2


def test_of_two_files_with_one_name_the_first_is_used(takes: Path) -> None:
    np.savez(takes / "walk.npz", joints=make_motion(60), fps=20.0)
    report = prepare(takes)
    assert report.num_recordings == 1
    assert reasons_of(report) == {"walk.npz": "has the same name as walk.npy, which is used"}


def test_a_data_set_inside_the_folder_of_recordings_is_no_recording(takes: Path) -> None:
    first = prepare_dataset("bvh", takes, takes / "data", workers=1)
    assert prepare_dataset("bvh", takes, takes / "data", workers=1) == first
    assert first.num_recordings == 1


def test_replaced_files_of_the_same_size_and_changed_captions_are_read_again(
    takes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = takes.parent / "out"
    prepare_dataset("bvh", takes, out, workers=1)
    before = next(iter(MotionStore.open(out)))
    times = os.stat(takes / "walk.npy")
    np.save(takes / "walk.npy", make_motion(60, speed=0.2))
    os.utime(takes / "walk.npy", ns=(times.st_atime_ns, times.st_mtime_ns))
    (takes / "walk.txt").write_text("he walks.")
    prepare_dataset("bvh", takes, out, workers=1)
    after = next(iter(MotionStore.open(out)))
    assert after.facts["speed"] == pytest.approx(0.2 * before.facts["speed"], rel=0.05)
    assert after.captions == ("he walks.",)
    assert "preparing it again" in caplog.text


def test_captions_of_long_recordings_are_counted_or_given_to_the_windows_that_show_them(takes: Path) -> None:
    motion = make_motion(500, speed=1.0)
    np.save(takes / "long.npy", motion)
    (takes / "long.txt").write_text("a person walks forward.\na person jumps.\n")
    report = prepare(takes)
    assert report.captions.unused == {TOO_LONG: CaptionCount(2, 1)}
    assert f"not used: 2 captions of 1 recording: {TOO_LONG}" in report.captions.lines()
    assert "not used: 2 captions" in (report.folder / "README.md").read_text()
    report = prepare(takes, config=WindowConfig(long_captions="windows"))
    windows = [item for item in items_of(report).values() if item.take == "long" and not item.mirrored]
    assert [item.captions for item in windows] == [("a person walks forward.",)] * 3
    assert report.captions.unused == {CONTRADICTED: CaptionCount(1, 1)}
    assert sum(count.captions for count in report.captions.learnt.values()) == 1


def test_captions_that_cannot_be_mirrored_are_left_out_of_the_copy_and_counted(takes: Path) -> None:
    (takes / "walk.txt").write_text("he walks left.\nhe left the room.\nein Mann geht nach links.\n")
    report = prepare(takes)
    items = items_of(report)
    assert len(items["walk#00"].captions) == 3
    assert items["walk#00M"].captions == ("he walks right.",)
    assert report.captions.unused == {NO_MIRROR: CaptionCount(2, 1)}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder in the published layout with clips of 39, 40, 199 and 200 rows."""
    folder = tmp_path / "humanml3d"
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True)
    features = joints_to_features(make_motion(201, speed=1.0))
    for rows in (39, 40, 199, 200):
        np.save(folder / "new_joint_vecs" / f"{rows:06d}.npy", features[:rows])
        text = "a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\nhe goes.#he/PRON go/VERB#0.5#4.0\n"
        (folder / "texts" / f"{rows:06d}.txt").write_text(text)
    (folder / "train.txt").write_text("000039\n000040\n000199\n000200\n")
    return folder


def test_clips_of_the_lengths_that_the_published_loader_takes_keep_their_captions(published: Path) -> None:
    report = prepare_dataset("humanml3d", published, published.parent / "out", workers=1)
    items = items_of(report)
    assert {name: (item.num_frames, item.captions) for name, item in items.items()} == {
        "000040#00": (40, ("a man walks.",)),
        "000199#00": (196, ("a man walks.",)),
        "000199#01": (70, ("he goes.",)),
        "000200#00": (100, ()),
        "000200#01": (100, ()),
    }
    assert items["000199#00"].tags == ("a/DET man/NOUN walk/VERB",)
    assert "expected 40 or more" in reasons_of(report)["000039.npy"]
    assert report.captions.unused[PART_LENGTH] == CaptionCount(1, 1)
    assert sum(count.captions for count in report.captions.unused.values()) == 3


def test_a_name_that_no_file_can_have_is_named(published: Path) -> None:
    with (published / "train.txt").open("a") as file:
        file.write("A" * 300 + "\n")
    with pytest.raises(DataError, match=r"train.txt: 'A+' is not the name of a clip"):
        prepare_dataset("humanml3d", published, published.parent / "out", workers=1)


def test_faults_of_a_published_folder_are_rows_and_differences_are_listed(published: Path) -> None:
    vecs, texts = published / "new_joint_vecs", published / "texts"
    (vecs / "000001.npy").write_bytes(b"")
    np.save(vecs / "000002.npy", np.full((60, 263), np.nan, np.float32))
    np.save(vecs / "000003.npy", np.zeros((60, 22, 3), np.float32))
    np.save(vecs / "999999.npy", np.zeros((60, 263), np.float32))
    (texts / "000040.txt").write_bytes(
        b"one field\na man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\nhe caf\xe9#he/PRON#0.0#0.0\n"
    )
    (published / "val.txt").write_text("000001\n000002\n000003\n000004\n")
    report = prepare_dataset("humanml3d", published, published.parent / "out", workers=1)
    assert set(reasons_of(report)) == {
        "000001.npy", "000002.npy", "000003.npy", "000004.npy", "000039.npy", "000040.txt:1", "000040.txt:3",
    }  # fmt: skip
    assert items_of(report)["000040#00"].captions == ("a man walks.",)
    assert report.remarks == (
        "train.txt names 4 clips, the published one 23,384",
        "val.txt names 4 clips, the published one 1,460",
        "test.txt names 0 clips, the published one 4,384",
        "new_joint_vecs lacks 1 of val.txt",
        "new_joint_vecs holds 1 files that no split file names: left out",
        "texts lacks 4 of val.txt",
    )


def test_kit_is_refused_by_name(published: Path) -> None:
    for path in (published / "new_joint_vecs").iterdir():
        np.save(path, np.zeros((60, 251), np.float32))
    with pytest.raises(DataError, match="features of KIT-ML"):
        prepare_dataset("humanml3d", published, published.parent / "out", workers=1)
