"""`ComposingModel`: one motion of several phrases, of any length."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from bimotion.errors import ConfigError
from bimotion.features.layout import FPS
from bimotion.inference.arguments import check_choice, check_flag, check_integer
from bimotion.inference.compose import Chunk, ComposedClip, compose_chunks, composed_clip
from bimotion.inference.compose_segments import segment_chunks
from bimotion.inference.controls import Key, check_controls
from bimotion.inference.feature_model import Cancel, Progress, report
from bimotion.inference.match import Match
from bimotion.inference.request import read_request, sentence_of
from bimotion.inference.segment_generator import SegmentGenerator
from bimotion.inference.settings import Sampling
from bimotion.inference.text_to_motion import MAX_CANDIDATES, TextToMotionModel
from bimotion.inference.timeline import Phrase, PhraseLike, TimedPhrase, check_phrase, check_phrases
from bimotion.models.choices import ComposeMethod, Sampler
from bimotion.models.segment_weights import load_segments
from bimotion.motion.clip import Clip

SEGMENTS = "segments"
"""Folder of the segment model in a model folder."""

PHRASE_CANDIDATES = 8
"""Motions that the segment model generates for each phrase of `compose`."""


class ComposingModel(TextToMotionModel):
    """Long motion from phrases, by segments where there is a model of them, else by clips."""

    segment_folder: Path | None = None
    """Folder of the segment model that belongs to this model, where there is one."""

    def compose(
        self,
        phrases: Sequence[PhraseLike],
        *,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
        loop: bool = False,
        start_pose: Clip | None = None,
        path: Sequence[tuple[float, float]] | None = None,
        keys: Sequence[Key] | None = None,
        method: ComposeMethod | None = None,
        best: int | None = None,
        check: bool = False,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> ComposedClip:
        """One motion of several phrases, each after the other, of any length: 20 frames per second, from the origin.

        A phrase is a sentence ("walks forward", "walks forward @3") or a pair of sentence and seconds; without seconds
        its length comes from the sentence, else the model predicts it. Pose, heading, speed and foot contacts continue
        from phrase to phrase. The seed of piece i of the motion is seed + i.

        With `loop` the end leads into the start in pose, speed and steps. `start_pose` is a clip whose first frame is
        the first pose. `path` are waypoints (x, z) on the floor, in metres: the motion starts at the first, faces the
        second and goes on at constant speed during phrases that walk, run or turn. `keys` are poses, and positions of
        hands and feet, at times. A motion that misses a waypoint by more than 5 cm or a key by
        more than 3 cm is refused.

        `method` is "segments" (two seconds at a time, each given the motion before) or "clips" (a clip for each phrase,
        led by guidance out of the one before); None takes segments where the model has them and there are no
        controls, which only clips meet. `best` is the number of candidates of each phrase, of which the one is kept
        that fulfils it best by measured criteria; with "clips" there is one.

        With `check` the clip has `matches`: for each phrase a caption of its part of the motion, a score and warnings.

        >>> model.compose([("a person walks", 3.0), "sits down @4"], seed=0)
        >>> model.compose(["walks @6"], path=[(0, 0), (2, 0), (2, 3)], seed=0)
        >>> model.compose(["waves @3"], keys=[bimotion.Key(1.5, "right_hand", (-0.3, 1.7, 0.3))], seed=0)

        Raises:
            ConfigError: no phrase, one that is too short for the model, a control that the motion cannot meet, or an
                argument of a wrong type.
            Cancelled: `cancel` returned True.
        """
        checked = check_phrases(phrases)
        check_flag(clean, "clean")
        check_flag(check, "check")
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        controls = check_controls(loop, start_pose, path, keys)
        if self._by_segments(method, best, controlled=bool(controls)):
            chunks = self._segment_chunks(checked, sampling, best or PHRASE_CANDIDATES, clean, cancel)
        else:
            chunks = compose_chunks(self, checked, sampling, clean=clean, controls=controls, cancel=cancel)
        total = (2 if check else 1) * len(checked)

        def composed(done: int, _: int) -> None:
            report(progress, None, done, total)

        clip = composed_clip(chunks, len(checked), composed)
        if not check:
            return clip
        matches: list[Match] = []
        for phrase in clip.phrases:
            report(progress, cancel, len(checked) + len(matches), total)
            matches.append(self._phrase_match(clip, phrase))
        report(progress, None, total, total)
        return replace(clip, matches=tuple(matches))

    def _phrase_match(self, clip: ComposedClip, phrase: TimedPhrase) -> Match:
        """How well a composed motion matches a phrase while it lasts."""
        part = Clip(clip.joints[round(phrase.start * FPS) : round(phrase.end * FPS)], clip.fps)
        request = read_request(sentence_of(phrase.text))
        doubts = self._doubts(request, min(len(part), self.max_frames))
        return self._matches([request], [part], [doubts])[0]

    def stream(
        self,
        phrases: Iterable[PhraseLike],
        *,
        seed: int | None = None,
        guidance_scale: float | None = None,
        steps: int | None = None,
        sampler: Sampler | None = None,
        clean: bool = True,
        method: ComposeMethod | None = None,
        best: int | None = None,
        cancel: Cancel | None = None,
    ) -> Iterator[Chunk]:
        """The motion of `compose` in chunks, each generated when it is requested.

        A chunk is a phrase; by segments with `best=1` it is a segment of up to two seconds, which comes soonest.

        `phrases` may be a generator that never ends: the next phrase is taken from it when the motion before has been
        returned, so that phrases can be chosen while the motion plays. Memory does not grow.

        >>> for chunk in model.stream(phrases_that_somebody_types(), seed=0):
        ...     play(chunk.clip.joints)

        Raises:
            ConfigError: a phrase that is too short for the model, or an argument of a wrong type.
            Cancelled: `cancel` returned True.
        """
        check_flag(clean, "clean")
        if isinstance(phrases, (str, bytes)) or not isinstance(phrases, Iterable):
            raise ConfigError("phrases: expected an iterable such as ['walks', ('sits down', 3.0)]")
        sampling = Sampling(seed, guidance_scale, steps, sampler)
        checked = map(check_phrase, phrases)
        if self._by_segments(method, best, controlled=False):
            return self._segment_chunks(checked, sampling, best or PHRASE_CANDIDATES, clean, cancel)
        return compose_chunks(self, checked, sampling, clean=clean, cancel=cancel)

    @cached_property
    def segments(self) -> SegmentGenerator | None:
        """The segment model, read when it is first used; None where this model has none.

        Raises:
            ModelError: its folder is damaged.
        """
        if self.segment_folder is None:
            return None
        return SegmentGenerator(self, load_segments(self.segment_folder, self.network.latent_mean.device))

    def _by_segments(self, method: ComposeMethod | None, best: int | None, *, controlled: bool) -> bool:
        """Whether phrases are generated by the segment model.

        Raises:
            ConfigError: the method is unknown or cannot do what the other arguments require.
        """
        if method is not None:
            check_choice(method, "method", ComposeMethod)
        if best is not None:
            check_integer(best, "best", 1, MAX_CANDIDATES)
        if method == "segments" and self.segment_folder is None:
            raise ConfigError("method: this model has no segments; omit it, or use 'clips'")
        if method == "segments" and controlled:
            raise ConfigError("method: only 'clips' meets a path, keys, a start pose or a loop")
        chosen = self.segment_folder is not None and not controlled and method != "clips"
        if best not in (None, 1) and not chosen:
            raise ConfigError("best: several candidates of a phrase need the method 'segments'")
        return chosen

    def _segment_chunks(
        self, phrases: Iterable[Phrase], sampling: Sampling, best: int, clean: bool, cancel: Cancel | None
    ) -> Iterator[Chunk]:
        assert self.segments is not None
        tools = self.tools(best)
        return segment_chunks(
            self.segments, phrases, sampling, best=best, tools=tools, clean=clean, cancel=cancel
        )
