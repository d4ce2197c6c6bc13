from pathlib import Path

import pytest

from bimotion.errors import DataError
from bimotion.jobs.rows import RowFile
from bimotion.storage.locks import LockedError

COLUMNS = ("file", "caption")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_rows_are_kept_and_a_torn_one_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    with RowFile(path, COLUMNS) as rows:
        rows.append({"file": "a, b.bvh", "caption": 'walks "fast",\nthen sits'})
        rows.append({"file": "ü.bvh", "caption": "sits", "other": 3})
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'"c.bvh,half a r')
    with RowFile(path, COLUMNS) as rows:
        assert rows.finished == {"a, b.bvh", "ü.bvh"}
        assert path.read_bytes() == whole
        rows.append({"file": "c.bvh", "caption": "jumps"})
    assert path.read_bytes().startswith(whole)
    with RowFile(path, COLUMNS) as rows:
        assert rows.finished == {"a, b.bvh", "ü.bvh", "c.bvh"}


def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    contents = [
        "name,size\na,3\n",
        "name,size\na,3",
        "no json\n",
        "no json",
        "[" * 5000 + "\n",
        '{"file": NaN}\n',
    ]
    for number, content in enumerate(contents):
        path = tmp_path / f"{number}{'.csv' if content.startswith('name') else '.jsonl'}"
        path.write_text(content)
        before = path.read_bytes()
        with pytest.raises(DataError, match="choose another file"), RowFile(path, COLUMNS):
            pass
        assert path.read_bytes() == before
    with pytest.raises(DataError, match="expected a name that ends in"):
        RowFile(tmp_path / "rows.txt", COLUMNS)
    with pytest.raises(DataError, match="create it first"):
        RowFile(tmp_path / "none" / "rows.csv", COLUMNS)


def test_two_jobs_never_write_to_one_file(tmp_path: Path) -> None:
    with (
        RowFile(tmp_path / "rows.csv", COLUMNS),
        pytest.raises(LockedError, match="another bimotion process"),
        RowFile(tmp_path / "rows.csv", COLUMNS),
    ):
        pass
