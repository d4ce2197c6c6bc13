"""`bimotion search`: find recordings by a sentence or by an example."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import Device, Evaluator, Flag
from bimotion.cli.terminal import note, say, say_lines

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip
    from bimotion.search.library import Hit


@dataclass(frozen=True)
class Search:
    """Find recordings by a sentence, or by a motion file as an example.

    Recordings (BVH, AMC, NPY, NPZ) are indexed once, in FOLDER/.bimotion-index.npz; new and changed files are read
    again. Long recordings are searched in pieces of 6 s. For a sentence the score is the probability that it describes
    the piece, and pieces below 0.5 are not listed; for an example it is the cosine of the embeddings.

    examples:
      bimotion search "a person waves with the left hand" takes/
      bimotion search "a person walks" takes/ --min-speed 1.2 --side left
      bimotion search example.bvh takes/ --count 3
      bimotion search "somebody jumps" takes/ --page found.html
      bimotion search "turns to the left" takes/ --when --out hits.csv --cut found/
    """

    what: Annotated[Positional[str], arg(metavar="TEXT|FILE")]
    """A sentence, or a motion file."""
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """Folder of the recordings, searched with its subfolders."""
    count: Annotated[int, arg(metavar="N")] = 10
    """Number of recordings to find."""
    min_score: Annotated[
        float | None, arg(metavar="P", help_behavior_hint="(default: 0.5 for sentences, none for examples)")
    ] = None
    """Lowest score of a hit."""
    min_seconds: Annotated[float | None, arg(metavar="S", help_behavior_hint="(default: any)")] = None
    """Shortest recording, seconds."""
    max_seconds: Annotated[float | None, arg(metavar="S", help_behavior_hint="(default: any)")] = None
    """Longest recording, seconds."""
    min_speed: Annotated[float | None, arg(metavar="V", help_behavior_hint="(default: any)")] = None
    """Lowest mean horizontal speed of the piece, m/s."""
    max_speed: Annotated[float | None, arg(metavar="V", help_behavior_hint="(default: any)")] = None
    """Highest mean horizontal speed of the piece, m/s."""
    side: Annotated[Literal["left", "right"] | None, arg(help_behavior_hint="(default: any)")] = None
    """Body side that performs the activity of the sentence; without an activity, the hand that moves more."""
    when: Flag = False
    """Find the moment of 1.5 to 6 s inside each recording, instead of the piece of 6 s."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(.csv)")] = None
    """Also write the hits as a table."""
    cut: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: none)")] = None
    """Also write the pieces that were found as BVH files into this folder, which is created."""
    page: Annotated[Path | None, arg(metavar="PAGE", help_behavior_hint="(.html)")] = None
    """Also write a page that plays the hits."""
    evaluator: Evaluator = None
    """Model used to compare text and motion."""
    index: Annotated[
        Path | None, arg(metavar="FILE", help_behavior_hint="(default: in the folder of the recordings)")
    ] = None
    """File of the index."""
    device: Device = "cpu"
    """Device that the evaluator runs on: cpu, cuda, mps."""
    json: Flag = False
    """Print a JSON list of {"file", "start", "stop", "score", "cosine"} instead of lines."""
    reading: ReadingOptions = Reading()
    """How FILE is read."""

    def run(self) -> None:
        """Index, search, print the hits."""
        self._check()
        query = self._query()
        from bimotion.cli.progress import track
        from bimotion.search.filters import Filters
        from bimotion.search.library import Library

        filters = Filters(self.min_seconds, self.max_seconds, self.min_speed, self.max_speed, self.side)
        library = Library(
            self.folder, evaluator=self.evaluator, index=self.index, device=self.device, track=track
        )
        find = library.moments if self.when else library.search
        hits = find(query, self.count, min_score=self.min_score, filters=filters)
        for reason in library.failures.values():
            note(f"bimotion: not searched: {reason}")
        if not hits:
            self._note_nearest(library.search(query, 1, min_score=-1.0, filters=filters))
        if self.json:
            import json

            names = ("start", "stop", "score", "cosine")
            rows = [{"file": str(hit.path), **{name: getattr(hit, name) for name in names}} for hit in hits]
            say_lines(json.dumps(rows, indent=1))
        else:
            for hit in hits:
                say(f"{hit.score:6.3f}  {hit.start:6.1f} - {hit.stop:5.1f} s  {hit.path}")
        self._write(hits)

    def _check(self) -> None:
        """Check arguments before anything is loaded."""
        from bimotion.cli.usage import UsageError

        if self.count < 1:
            raise UsageError(f"--count: expected 1 or more, got {self.count}")
        if self.page is not None:
            from bimotion.render.files import check_writable

            if self.page.suffix.lower() != ".html":
                raise UsageError(f"{self.page}: expected a name that ends in .html")
            check_writable(self.page)
        if self.out is not None and self.out.suffix.lower() != ".csv":
            raise UsageError(f"{self.out}: expected a name that ends in .csv")

    def _write(self, hits: "list[Hit]") -> None:
        """Write the table, the pieces and the page, where requested."""
        if self.page is not None and hits:
            self._write_page(self.page, hits)
        if self.out is not None:
            self._write_table(self.out, hits)
        if self.cut is not None:
            self._cut(self.cut, hits)

    def _note_nearest(self, nearest: "list[Hit]") -> None:
        """Say that nothing was found, and what comes nearest."""
        if nearest:
            (hit,) = nearest
            note(
                f"bimotion: nothing found; the nearest is {hit.path} with a score of {hit.score:.3f} (--min-score)"
            )
        else:
            note("bimotion: nothing found")

    def _query(self) -> "str | Clip":
        """The sentence, or the motion in the named file."""
        from bimotion.motion.formats import READS

        path = Path(self.what).expanduser()
        if path.suffix.lower() in READS:
            return self.reading.read(path)
        return self.what

    def _write_table(self, out: Path, hits: "list[Hit]") -> None:
        import csv

        from bimotion.storage.atomic import atomic_path

        with atomic_path(out) as target, target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "start", "stop", "score", "cosine"))
            writer.writerows((hit.path, hit.start, hit.stop, hit.score, hit.cosine) for hit in hits)

    def _cut(self, folder: Path, hits: "list[Hit]") -> None:
        """Write each piece under the number of its hit and the name of its recording."""
        from bimotion.api import save_clip

        folder.mkdir(parents=True, exist_ok=True)
        for number, hit in enumerate(hits, 1):
            save_clip(replace(hit.clip(), caption=self.what), folder / f"{number:03d}-{hit.path.stem}.bvh")

    def _write_page(self, page: Path, hits: "list[Hit]") -> None:
        from bimotion.render.page import write_page

        clips = [replace(hit.clip(), name=hit.path.stem, caption=f"{hit.score:.3f}") for hit in hits]
        write_page(clips, page, title=self.what)
