"""Training examples of the language stages: a window, a caption and an instruction, reproducible from their seed."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bimotion.captions.amounts import add_amounts
from bimotion.captions.instructions import (
    MotionWords,
    TaskClass,
    TaskTemplates,
    fill_pair,
    plain_wording,
    select,
)
from bimotion.data.batches import bucket_order, draw_epoch, item_weights
from bimotion.data.store import Item
from bimotion.errors import ConfigError, DataError, check_range

CAPTION_TASKS: frozenset[TaskClass] = frozenset({"t2m", "m2t", "t2t", "n2t"})
"""Tasks that need a caption, and so a window with text."""


@dataclass(frozen=True)
class ExampleConfig:
    """Which examples are drawn."""

    tasks: tuple[tuple[TaskClass, float], ...] = (("t2m", 1.0),)
    """Tasks with their shares."""
    plain_share: float = 0.5
    """Share of examples in the plain wording (the first of the task's first template)."""
    timed_share: float = 0.0
    """Share of those that also state the length of the motion, in the plain wording for it."""
    bare_share: float = 0.25
    """Share of text-to-motion examples whose prompt is the caption alone."""
    amount_share: float = 0.0
    """Share of text-to-motion captions that get measured amounts added."""
    variants: int | None = None
    """Number of different examples per window; None: unlimited. A small number bounds the prompt cache of a frozen text
    branch."""
    batch_size: int = 32
    """Examples of a batch."""
    balance: float = 0.5
    """Each window of a content group of n windows has the weight n^-balance."""
    mirror_pairs: bool = False
    """Each window is followed by its mirror image, with the same draws."""
    bucket_batches: int = 24
    """Batches whose examples are sorted by length of text together."""
    seed: int = 0
    """Seed of all choices."""

    def __post_init__(self) -> None:
        if not self.tasks or min(weight for _, weight in self.tasks) <= 0:
            raise ConfigError(f"tasks must name one or more tasks with shares above 0, got {self.tasks}")
        shares = ("plain_share", "timed_share", "bare_share", "amount_share", "balance")
        check_range(self, shares, 0, 1)
        check_range(self, "variants", 1)


@dataclass(frozen=True)
class Example:
    """A prompt and its answer."""

    item: Item
    """The window."""
    task: TaskClass
    """Task."""
    caption: str
    """The caption in the prompt or the answer; empty if the task has none."""
    question: str
    """The prompt; motions are `MotionWords.context`. Placeholders of a prediction's length stay: it is chosen later."""
    answer: str
    """The answer; a motion is `MotionWords.target`."""


class Examples:
    """Endless batches of examples; seed, epoch and position determine each."""

    def __init__(
        self,
        items: Sequence[Item],
        templates: Sequence[TaskTemplates],
        config: ExampleConfig,
        words: MotionWords | None = None,
    ) -> None:
        """`items`: windows to draw from; those without captions are used in tasks without captions only.

        Raises:
            DataError: no item fits the tasks, or a task has no template.
        """
        needs_text = all(task in CAPTION_TASKS for task, _ in config.tasks)
        self._items = [item for item in items if item.text or not needs_text]
        if not self._items:
            raise DataError(
                "no windows to draw examples from: the tasks need captions, and no window has any"
            )
        self._templates = {task: select(templates, task) for task, _ in config.tasks}
        for task, found in self._templates.items():
            if not found:
                raise DataError(f"no instruction template for the task {task!r}")
        self.config = config
        self._words = words or MotionWords()
        self._weights = item_weights(self._items, config.balance)
        self._by_id = {item.id: item for item in self._items} if config.mirror_pairs else {}

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; as many examples are drawn as there are windows, besides mirror images in pairs."""
        return -(-len(self._items) // self._draws)

    @property
    def _draws(self) -> int:
        """Windows that are drawn for a batch."""
        return max(self.config.batch_size // 2, 1) if self.config.mirror_pairs else self.config.batch_size

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[tuple[Example, ...]]:
        """The batches of an epoch from a step on; seed, epoch and step determine each."""
        rng = np.random.default_rng([self.config.seed, epoch])
        drawn = draw_epoch(self._weights, rng)
        # batches are sorted by the first caption's length, so that resuming need not compute the examples before
        lengths = np.array([len(self._items[i].captions[0]) if self._items[i].captions else 0 for i in drawn])
        plan = bucket_order(lengths, self._draws, self.config.bucket_batches, rng)
        for positions in plan[first_step:]:
            yield tuple(
                self.example(item, [self.config.seed, epoch, int(p)])
                for p in positions
                for item in self._with_mirror(self._items[drawn[p]])
            )

    def _with_mirror(self, item: Item) -> tuple[Item, ...]:
        """The window, and its mirror image (itself if there is none) where examples come in pairs."""
        if not self.config.mirror_pairs:
            return (item,)
        other = item.id.removesuffix("M") if item.mirrored else f"{item.id}M"
        return item, self._by_id.get(other, item)

    def from_step(self, step: int) -> Iterator[tuple[Example, ...]]:
        """Endless batches, from a step of the training on."""
        epoch, first_step = divmod(step, self.steps_per_epoch)
        while True:
            yield from self.epoch(epoch, first_step)
            epoch, first_step = epoch + 1, 0

    def example(self, item: Item, seed: Sequence[int]) -> Example:
        """The example of a window that a seed determines."""
        rng = np.random.default_rng(list(seed))
        if self.config.variants is not None:
            # mirror images share the draw, so captions without sides are the same prompt
            name = f"{item.id.removesuffix('M')} {int(rng.integers(self.config.variants))}"
            rng = np.random.default_rng([self.config.seed, zlib.crc32(name.encode())])
        tasks = [(task, share) for task, share in self.config.tasks if item.text or task not in CAPTION_TASKS]
        shares = np.array([share for _, share in tasks])
        task = tasks[rng.choice(len(tasks), p=shares / shares.sum())][0]
        caption = self._caption(item, task, rng) if task in CAPTION_TASKS else ""
        templates = self._templates[task]
        if rng.random() < self.config.plain_share:
            pair = plain_wording(templates, timed=rng.random() < self.config.timed_share)
        else:
            pair = templates[rng.integers(len(templates))].pick(rng)
        if task == "t2m" and rng.random() < self.config.bare_share:
            pair = ("<Caption_Placeholder>", pair[1])
        frames = None if task == "predict" else item.num_frames
        question, answer = fill_pair(pair, self._words, caption=caption, num_frames=frames)
        return Example(item, task, caption, question, answer)

    def _caption(self, item: Item, task: TaskClass, rng: np.random.Generator) -> str:
        caption = item.captions[rng.integers(len(item.captions))]
        facts = item.motion_facts()
        if task == "t2m" and facts is not None and rng.random() < self.config.amount_share:
            return add_amounts(caption, facts, rng)
        return caption
