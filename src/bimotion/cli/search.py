"""`bimotion search`: recordings that show what a sentence says, or that are like an example."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from bimotion.cli.options import Device, Evaluator, Flag, Reading, ReadingOptions
from bimotion.cli.terminal import note, say, say_lines

if TYPE_CHECKING:
    from bimotion.motion.clip import Clip
    from bimotion.search.library import Hit


@dataclass(frozen=True)
class Search:
    """Find recordings by a sentence, or by a motion file that is like what is looked for.

    Recordings (BVH, AMC, NPY, NPZ) are indexed once, in FOLDER/.bimotion-index.npz; new and changed files are read
    again. A long recording is searched in pieces of 6 s.

    examples:
      bimotion search "a person waves with the left hand" takes/
      bimotion search example.bvh takes/ --count 3
      bimotion search "somebody jumps" takes/ --page found.html
    """

    what: Annotated[Positional[str], arg(metavar="TEXT|FILE")]
    """A sentence, or a motion file."""
    folder: Annotated[Positional[Path], arg(metavar="FOLDER")]
    """The recordings, in folders of any depth."""
    count: Annotated[int, arg(metavar="N")] = 10
    """Recordings to find."""
    page: Annotated[Path | None, arg(metavar="PAGE", help_behavior_hint="(.html)")] = None
    """Write a page that plays what was found."""
    evaluator: Evaluator = None
    """The networks that tell what is near."""
    index: Annotated[
        Path | None, arg(metavar="FILE", help_behavior_hint="(default: in the folder of the recordings)")
    ] = None
    """Where to keep the index."""
    device: Device = "cpu"
    """Where the evaluator runs: cpu, cuda, mps."""
    json: Flag = False
    """Print one list of {"file", "start", "stop", "score"} instead of lines."""
    reading: ReadingOptions = Reading()
    """How FILE is read."""

    def run(self) -> None:
        """Index, search, print."""
        from bimotion.cli.usage import UsageError

        if self.count < 1:
            raise UsageError(f"--count: expected 1 or more, got {self.count}")
        if self.page is not None:
            from bimotion.api import check_writable

            if self.page.suffix.lower() != ".html":
                raise UsageError(f"{self.page}: expected a name that ends in .html")
            check_writable(self.page)
        what = self._what()
        from bimotion.cli.progress import track
        from bimotion.search.library import Library

        library = Library(
            self.folder, evaluator=self.evaluator, index=self.index, device=self.device, track=track
        )
        hits = library.search(what, self.count)
        for reason in library.failures.values():
            note(f"bimotion: not searched: {reason}")
        if self.json:
            import json

            rows = [
                {"file": str(hit.path), "start": hit.start, "stop": hit.stop, "score": hit.score}
                for hit in hits
            ]
            say_lines(json.dumps(rows, indent=1))
        else:
            for hit in hits:
                say(f"{hit.score:6.3f}  {hit.start:6.1f} - {hit.stop:5.1f} s  {hit.path}")
        if self.page is not None and hits:
            self._write_page(self.page, hits)

    def _what(self) -> "str | Clip":
        """The sentence, or the motion of the file that is named."""
        from bimotion.motion.formats import READS

        path = Path(self.what).expanduser()
        if path.suffix.lower() in READS:
            return self.reading.read(path)
        return self.what

    def _write_page(self, page: Path, hits: "list[Hit]") -> None:
        from bimotion.render.page import write_page

        clips = [replace(hit.clip(), name=hit.path.stem, caption=f"{hit.score:.3f}") for hit in hits]
        write_page(clips, page, title=self.what)
