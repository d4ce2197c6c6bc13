"""`bimotion view`: one HTML page that plays motions in 3D."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from bimotion.cli.file_options import Reading, ReadingOptions
from bimotion.cli.options import Files, Flag
from bimotion.cli.terminal import say


@dataclass(frozen=True)
class View:
    """Write one self-contained HTML page that plays one or several motions in 3D; it needs no network.

    examples:
      bimotion view walk.bvh --out walk.html
      bimotion view take1.bvh take2.bvh --out compare.html --title "Two takes"
    """

    files: Files
    """Motion files; they are shown side by side."""
    out: Annotated[Path, arg(metavar="PAGE")]
    """Page to write; an existing one is overwritten."""
    title: Annotated[
        str | None, arg(metavar="TEXT", help_behavior_hint="(default: the names of the files)")
    ] = None
    """Title of the page."""
    overlay: Flag = False
    """Show all motions in one view instead of side by side."""
    reading: ReadingOptions = Reading()
    """How the files are read."""

    def run(self) -> None:
        """Read, write, and print where the page is."""
        from bimotion.cli.usage import UsageError

        if not self.files:
            raise UsageError("expected a motion file, as in: bimotion view walk.bvh --out walk.html")
        if self.out.suffix.lower() != ".html":
            raise UsageError(f"{self.out}: expected a name that ends in .html")
        from bimotion.cli.progress import track
        from bimotion.render.files import check_writable

        check_writable(self.out)
        clips = []
        for file in track(self.files, "reading"):
            clip = self.reading.read(file)
            clips.append(replace(clip, name=clip.name or file.stem))
        from bimotion.render.page import write_page

        names = ", ".join(file.stem for file in self.files[:4]) + (" ..." if len(self.files) > 4 else "")
        write_page(clips, self.out, title=self.title or names, layout="overlay" if self.overlay else "split")
        say(f"{self.out}: {len(clips)} motion{'s' * (len(clips) > 1)}; open it in a browser")
