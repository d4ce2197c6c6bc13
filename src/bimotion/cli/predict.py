"""`bimotion predict`: continue a motion."""

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import arg

from bimotion.cli.file_options import Reading, ReadingOptions, Writing, WritingOptions
from bimotion.cli.options import File, Flag, Out, Running, RunningOptions, SamplingArguments, SamplingOptions
from bimotion.models.choices import ComposeMethod


@dataclass(frozen=True)
class Predict:
    """Continue a motion: write the motion, followed by the model's prediction.

    examples:
      bimotion predict walk.bvh --seconds 2 --out longer.bvh
      bimotion predict walk.bvh --text "turns around and waves" --seconds 4 --out longer.bvh
      bimotion predict walk.bvh --out next.html --only-new
    """

    file: File
    """Motion file to continue."""
    out: Out
    """File to write; an existing one is overwritten."""
    seconds: Annotated[float, arg(metavar="S")] = 2.0
    """Seconds to add, up to 600."""
    text: Annotated[
        str | None, arg(metavar="TEXT", help_behavior_hint="(default: as the model predicts)")
    ] = None
    """What the person does in the new motion."""
    method: Annotated[
        ComposeMethod | None,
        arg(help_behavior_hint="(default: segments if there is a text and the model has them, else clips)"),
    ] = None
    """segments: two seconds at a time, each continuing the motion before. clips: up to eight seconds at a time."""
    best: Annotated[int | None, arg(help_behavior_hint="(default: 8 with a text and segments, else 1)")] = (
        None
    )
    """Number of candidates; the one that fulfils the text best is kept. More than 1 needs --text and segments."""
    only_new: Flag = False
    """Write only the new frames."""
    json: Flag = False
    """Print {"file", "seconds", "new_seconds", "frames", "fps"} instead of a line."""
    sampling: SamplingOptions = SamplingArguments()
    """How the motion is sampled."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    reading: ReadingOptions = Reading()
    """How the file is read."""
    writing: WritingOptions = Writing()
    """How --out is written."""

    def run(self) -> None:
        """Predict, write, and print what was written."""
        from bimotion.cli.outputs import say_extended
        from bimotion.cli.progress import Bar
        from bimotion.inference.arguments import check_number
        from bimotion.inference.prediction import MAX_SECONDS

        self.writing.check(self.out)
        check_number(self.seconds, "--seconds", 0, MAX_SECONDS)
        self.sampling.check()
        context = self.reading.read(self.file)
        model = self.running.load()
        with Bar("predicting") as bar:
            clip = model.predict(
                context,
                seconds=self.seconds,
                text=self.text,
                seed=self.sampling.seed,
                **self.sampling.settings(),
                method=self.method,
                best=self.best,
                progress=bar.update,
            )
        new = len(clip) - len(context)
        written = clip[len(context) :] if self.only_new else clip
        written = self.writing.save(written, self.out)
        say_extended(self.out, written, new / clip.fps, as_json=self.json)
