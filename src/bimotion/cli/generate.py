"""`bimotion generate`: sentences to motions."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from bimotion.cli.file_options import Writing, WritingOptions
from bimotion.cli.options import (
    Flag,
    MachineOptions,
    Machines,
    Running,
    RunningOptions,
    SamplingArguments,
    SamplingOptions,
)
from bimotion.cli.terminal import note, say, say_lines
from bimotion.motion.formats.write_options import OutUnit

if TYPE_CHECKING:
    from bimotion.inference.generation import GeneratedClip
    from bimotion.inference.model import MotionLanguageModel
    from bimotion.jobs.work import Prompt
    from bimotion.motion.clip import Clip


@dataclass(frozen=True)
class Generate:
    """Turn sentences into motions.

    The suffix of --out chooses the format: .bvh .glb .npy .npz .html .mp4 .gif .png. Several motions are
    written to one .html page, or to files named after their sentences, in --out if it is a folder, else beside it.

    Lengths and counts in a sentence set the length of the motion ("for three seconds", "ten steps"); excluded actions
    are removed ("without moving the left arm").

    Each motion is printed with a caption of it, as `bimotion caption` gives it; a warning on stderr says if the motion
    contradicts the sentence.

    examples:
      bimotion generate "a person waves with the right hand" --out wave.bvh
      bimotion generate "a person walks" "a person jumps" --out page.html --seed 0
      bimotion generate "a person raises the left hand twice" --best 8 --strict --out raise.bvh
      bimotion generate --from prompts.txt --out-dir motions --format npz
      bimotion generate "a person dances" --count 5 --seconds 6 --out dances --format glb --json
      bimotion generate "a person runs" --out run.bvh --names unreal --out-unit cm --fps 30 --root-bone
    """

    text: Annotated[
        Positional[tuple[str, ...]], arg(metavar="TEXT...", help_behavior_hint="(one or more sentences)")
    ]
    """What the person does."""
    out: Annotated[Path, arg(metavar="FILE", aliases=("--out-dir",))]
    """File to write (overwritten if it exists), or an existing folder; with --from a folder, which is created."""
    prompts: Annotated[
        Path | None, arg(name="from", metavar="FILE", help_behavior_hint="(.txt or .csv; default: TEXT)")
    ] = None
    """Sentences, one per line, or a table with the column text and optionally seconds and seed. motions.csv in the
    folder lists finished motions; to continue after an interruption, run the same command again."""
    format: Literal["bvh", "glb", "npy", "npz", "html", "mp4", "gif", "png", "parquet"] = "bvh"
    """File format, if --out is a folder; parquet: with --from, 256 motions in each file (docs/scale.md)."""
    seconds: Annotated[
        float | None, arg(metavar="S", help_behavior_hint="(default: from the sentence, else predicted)")
    ] = None
    """Length of the motion in seconds."""
    count: Annotated[int, arg(metavar="N")] = 1
    """Number of motions per sentence; the seed increases by one for each."""
    best: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: the model's)")] = None
    """Candidates for each motion, of which the one that fulfils its sentence best is kept; 1: the network's own."""
    strict: Flag = False
    """Fail instead of warning if a motion does not match its sentence."""
    unit: Annotated[OutUnit | None, arg(help_behavior_hint="(default: --out-unit)")] = None
    """The same as --out-unit; commands that read files have --unit for the file that is read."""
    raw: Flag = False
    """Skip clean-up (constant bone lengths, foot locking, joints above the floor)."""
    json: Flag = False
    """Print one list of {"file", "text", "seed", "seconds", "frames", "caption", "match", "warnings",
    "unknown_words"}."""
    sampling: SamplingOptions = SamplingArguments()
    """How the motion is sampled."""
    running: RunningOptions = Running()
    """Which model runs, and how."""
    writing: WritingOptions = Writing()
    """How files are written."""
    machines: MachineOptions = Machines()
    """Where the motions of --from are generated."""

    def run(self) -> None:
        """Generate, write, and print what was written."""
        from bimotion.cli.outputs import output_paths
        from bimotion.cli.usage import UsageError

        if self.unit is not None:
            writing = replace(self.writing, out_unit=self.unit)
            replace(self, unit=None, writing=writing).run()
            return
        if self.prompts is not None:
            self._from_list(self.prompts)
            return
        if self.format == "parquet":
            raise UsageError("--format parquet: expected --from, as in: bimotion generate --from prompts.txt")
        if not self.text or not all(text.strip() for text in self.text):
            raise UsageError('expected a sentence, as in: bimotion generate "a person waves" --out wave.bvh')
        if self.count < 1:
            raise UsageError(f"--count: expected 1 or more, got {self.count}")
        texts = [text for text in self.text for _ in range(self.count)]
        one_page = self.out.suffix.lower() == ".html" and not self.out.is_dir()
        paths = [self.out] * len(texts) if one_page else output_paths(self.out, texts, f".{self.format}")
        for path in paths:
            self.writing.check(path)
        self.sampling.check()
        self._generate(texts, paths, one_page=one_page)

    def _from_list(self, prompts: Path) -> None:
        """Generate the motions of a list that are not in the folder yet."""
        from bimotion.cli.folder_jobs import run_rows
        from bimotion.cli.usage import UsageError
        from bimotion.jobs.folders import MOTION_COLUMNS, generate_job, read_prompts
        from bimotion.jobs.tables import TABLE_COLUMNS, table_job

        if self.text or self.count != 1:
            raise UsageError("--from: expected no TEXT and no --count; the file lists what is generated")
        first = 0 if self.sampling.seed is None else self.sampling.seed
        entries = read_prompts(prompts, first, f".{self.format}")
        self.out.mkdir(parents=True, exist_ok=True)
        self.sampling.check()
        self.running.check()
        if self.format == "parquet":
            if self.writing != Writing():
                raise UsageError(
                    "--format parquet: has joint positions; expected no options of other formats"
                )
            table = table_job(entries, self.out, self.running.load, self._listed)
            engine = self.machines.start(self.running.device)
            run_rows(table, self.out / "files.csv", TABLE_COLUMNS, "generating", engine=engine)
            return
        self.writing.check(self.out / entries[0][0])
        job = generate_job(entries, self.out, self.running.load, self._listed, self.writing.save)
        engine = self.machines.start(self.running.device)
        run_rows(job, self.out / "motions.csv", MOTION_COLUMNS, "generating", engine=engine)

    def _listed(self, model: "MotionLanguageModel", prompt: "Prompt") -> "Clip":
        own = self if prompt.seconds is None else replace(self, seconds=prompt.seconds)
        # Rows have no doubts, and captions are most of the work: they are made for --strict only.
        return own._clip(model, prompt.text, prompt.seed, check=self.strict)

    def _generate(self, texts: list[str], paths: list[Path], *, one_page: bool) -> None:
        from bimotion.cli.progress import track
        from bimotion.inference.known_words import unknown_words_note

        first = self.sampling.first_seed()
        model = self.running.load()
        clips: list[Clip] = []
        rows: list[dict[str, Any]] = []
        for index, text in enumerate(track(texts, "generating")):
            clip = self._clip(model, text, first + index)
            if one_page:
                clips.append(replace(self.writing.options().resampled(clip), name=f"{index + 1}"))
            written = clips[-1] if one_page else self.writing.save(clip, paths[index])
            rows.append(_row(clip, written, paths[index], first + index))
        if one_page:
            from bimotion.render.page import write_page

            write_page(clips, self.out, title="bimotion", labels=["prompt"] * len(clips))
        if self.json:
            say_lines(json.dumps(rows, indent=1))
            return
        for row in rows:
            say(
                f"{row['file']}: {row['text']} ({row['seconds']} s, {row['frames']} frames, seed {row['seed']})"
            )
            score = "" if row["match"] is None else f" (match {row['match']:.2f})"
            say(f"  caption: {row['caption']}{score}")
            for doubt in row["warnings"]:
                note(f"bimotion: {row['file']}: {doubt}")
            if row["unknown_words"] and not row["warnings"]:
                say(f"  {unknown_words_note(row['unknown_words'])}")

    def _clip(
        self, model: "MotionLanguageModel", text: str, seed: int, *, check: bool = True
    ) -> "GeneratedClip":
        return model.text_to_motion(
            text,
            seconds=self.seconds,
            seed=seed,
            **self.sampling.settings(),
            clean=not self.raw,
            best=self.best,
            check=check,
            strict=self.strict,
        )


def _row(clip: "GeneratedClip", written: "Clip", path: Path, seed: int) -> dict[str, Any]:
    """What is printed of a clip and of the part of it that was written."""
    match = clip.match
    assert match is not None
    return {
        "file": str(path),
        "text": clip.caption,
        "seed": seed,
        "seconds": round(written.duration, 2),
        "frames": len(written),
        "caption": match.caption,
        "match": None if match.score is None else round(match.score, 3),
        "warnings": list(match.warnings),
        "unknown_words": list(match.unknown_words),
    }
