"""A small network that recognises activities which rules cannot judge: styles, dances, sports.

It learns from the training windows of recordings and their mirror images: three networks, each without a third of the
recordings. The threshold of each activity is set by the scores of held-out recordings. The score of a motion is the
mean over the three networks.

Legend: B motions, T frames, C channels, K activities.
"""

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from safetensors.torch import save_file
from torch import nn

from bimotion.errors import DataError
from bimotion.evaluation.adherence.activities import ACTIVITIES, activities_of
from bimotion.evaluation.adherence.activity_net import ActivityNet, collate, varied
from bimotion.evaluation.adherence.channels import channels, mirrored
from bimotion.evaluation.adherence.recordings import Window
from bimotion.storage.atomic import atomic_path
from bimotion.storage.json_files import read_json_object
from bimotion.storage.records import record_from_json
from bimotion.storage.tensor_files import check_shapes, read_tensors

ACCEPT = (0.90, 0.97)
"""Least and largest share of an activity's unseen recordings that its threshold accepts; see `REJECT`."""

REJECT = 0.80
"""A threshold accepts as many recordings as it can while it rejects this share of all others."""

FOLDS = 3
CONFIG_FILE = "classifier.json"


@dataclass(frozen=True)
class Training:
    """How the networks are trained."""

    epochs: int = 10
    """Passes over the windows and their mirror images."""
    batch: int = 64
    """Windows of a step."""
    learning_rate: float = 2e-3
    """Peak of the one-cycle schedule."""
    seed: int = 0
    """Seed of weights and of what is drawn."""


@dataclass(frozen=True)
class _Record:
    """The classifier's settings in its folder."""

    activities: list[str]
    networks: int
    thresholds: dict[str, float]
    scores: dict[str, Any]

    def __post_init__(self) -> None:
        if not 1 <= self.networks <= 100:
            raise DataError(f"expected 1 to 100 networks, got {self.networks}")


class Classifier:
    """Activities of motions, by the mean of several networks."""

    def __init__(
        self,
        nets: Sequence[ActivityNet],
        thresholds: Mapping[str, float],
        scores: Mapping[str, Mapping[str, float]],
    ) -> None:
        self.nets = [net.eval() for net in nets]
        self.thresholds = dict(thresholds)
        self.scores = dict(scores)
        """By activity, see `activity_scores`."""

    def shows(self, motions: Sequence[Float[np.ndarray, "_ 22 3"]], activity: str) -> list[bool]:
        """Whether each motion shows an activity."""
        column = ACTIVITIES.index(activity)
        found = probabilities(self.nets, [channels(each) for each in motions])[:, column]
        return [bool(value >= self.thresholds[activity]) for value in found]

    def save(self, folder: Path) -> None:
        """Write the networks, thresholds and scores into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, net in enumerate(self.nets):
            save_file(net.state_dict(), folder / f"classifier-{number}.safetensors")
        record = {
            "activities": list(ACTIVITIES),
            "networks": len(self.nets),
            "thresholds": self.thresholds,
            "scores": self.scores,
        }
        with atomic_path(folder / CONFIG_FILE) as path:
            path.write_text(json.dumps(record, indent=1) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """The classifier that `save` wrote.

        Raises:
            DataError: there is none, or it was trained for other activities.
        """
        if not (folder / CONFIG_FILE).is_file():
            raise DataError(f"{folder}: no classifier here ({CONFIG_FILE} is missing)")
        record = record_from_json(
            _Record, read_json_object(folder / CONFIG_FILE), str(folder / CONFIG_FILE), DataError
        )
        if record.activities != list(ACTIVITIES):
            raise DataError(
                f"{folder}: was trained for other activities; choose a new folder to train a classifier"
            )
        nets = []
        for number in range(record.networks):
            net, path = ActivityNet(len(ACTIVITIES)), folder / f"classifier-{number}.safetensors"
            state = read_tensors(path, DataError)
            shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
            check_shapes(shapes, {name: tuple(value.shape) for name, value in state.items()}, path, DataError)
            net.load_state_dict(state)
            nets.append(net)
        return cls(nets, record.thresholds, record.scores)


@torch.inference_mode()
def probabilities(
    nets: Sequence[ActivityNet], rows: Sequence[Float[np.ndarray, "_ C"]]
) -> Float[np.ndarray, "B K"]:
    """Mean probability of each activity for motions given as channels."""
    result = np.zeros((len(rows), len(ACTIVITIES)), np.float32)
    order = np.argsort([len(each) for each in rows])
    for start in range(0, len(rows), 64):
        chosen = order[start : start + 64]
        batch, mask = collate([rows[index] for index in chosen])
        result[chosen] = torch.stack([net.eval()(batch, mask).sigmoid() for net in nets]).mean(0).numpy()
    return result


def train(
    windows: Sequence[Window],
    training: Training | None = None,
    track: Callable[[range, str], Sequence[int] | range] = lambda items, label: items,
) -> Classifier:
    """The classifier of training windows, with thresholds but without scores."""
    training = training or Training()
    rows = [channels(window.joints) for window in windows]
    twins = [channels(mirrored(window.joints)) for window in windows]
    labels = np.array([[name in found for name in ACTIVITIES] for found in map(activities_of, windows)])
    folds = _folds(windows)
    nets: list[ActivityNet] = []
    for fold in track(range(FOLDS), "training the activity classifier"):
        train_rows = np.flatnonzero(folds != fold)
        both = [rows[index] for index in train_rows] + [twins[index] for index in train_rows]
        nets.append(_train_net(both, np.tile(labels[train_rows], (2, 1)), training, training.seed + fold))
    return Classifier(nets, fit_thresholds(nets, windows, rows), {})


def fit_thresholds(
    nets: Sequence[ActivityNet], windows: Sequence[Window], rows: Sequence[Float[np.ndarray, "_ C"]]
) -> dict[str, float]:
    """The threshold of each activity, from the scores of each network on the windows that it was not trained on."""
    folds = _folds(windows)
    held_out = np.zeros((len(windows), len(ACTIVITIES)), np.float32)
    for fold, net in enumerate(nets):
        rest = [int(index) for index in np.flatnonzero(folds == fold)]
        held_out[rest] = probabilities([net], [rows[index] for index in rest])
    sure = np.array(
        [[name in activities_of(window, surely=True) for name in ACTIVITIES] for window in windows]
    )
    maybe = np.array([[name in activities_of(window) for name in ACTIVITIES] for window in windows])
    thresholds = {}
    for column, name in enumerate(ACTIVITIES):
        shown, others = held_out[sure[:, column], column], held_out[~maybe[:, column], column]
        thresholds[name] = _threshold(shown, others)
    return thresholds


def _threshold(shown: Float[np.ndarray, " N"], others: Float[np.ndarray, " M"]) -> float:
    """The lowest score that counts as showing an activity; 1 where no window shows it."""
    if not len(shown):
        return 1.0
    strict, loose = (float(np.quantile(shown, 1 - share)) for share in ACCEPT)
    rejecting = float(np.quantile(others, REJECT)) if len(others) else 0.0
    return min(max(loose, rejecting), strict)


def _folds(windows: Sequence[Window]) -> Int[np.ndarray, " N"]:
    """Index of the network that is not trained on each window, by recording."""
    return np.array([zlib.crc32(window.id.partition("/")[0].encode()) % FOLDS for window in windows])


def activity_scores(classifier: Classifier, windows: Sequence[Window]) -> dict[str, dict[str, float]]:
    """By activity: share of `windows` that show it that are accepted, of all others that are rejected, and counts.

    Activities that no window shows, or all of them, have no scores.
    """
    found = probabilities(classifier.nets, [channels(window.joints) for window in windows])
    labels = [activities_of(window) for window in windows]
    scores = {}
    for column, name in enumerate(ACTIVITIES):
        truth = np.array([name in each for each in labels])
        if truth.all() or not truth.any():
            continue
        predicted = found[:, column] >= classifier.thresholds[name]
        scores[name] = {
            "accepts": float(predicted[truth].mean()),
            "windows": int(truth.sum()),
            "rejects": float((~predicted[~truth]).mean()),
            "others": int((~truth).sum()),
        }
    return scores


def _train_net(
    rows: list[Float[np.ndarray, "_ C"]], labels: Bool[np.ndarray, "N K"], training: Training, seed: int
) -> ActivityNet:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = ActivityNet(len(ACTIVITIES))
    net.fit_statistics(rows)
    share = labels.mean(0)
    rarest = np.where(labels, share, 1.0).min(1)
    weight = rarest**-0.5 / (rarest**-0.5).sum()
    steps = training.epochs * (len(rows) // training.batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=training.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.learning_rate, total_steps=max(steps, 2), pct_start=0.1
    )
    net.train()
    for _ in range(steps):
        chosen = rng.choice(len(rows), training.batch, p=weight)
        batch, mask = collate([varied(rows[index], rng) for index in chosen])
        target = torch.from_numpy(labels[chosen].astype(np.float32))
        loss = nn.functional.binary_cross_entropy_with_logits(net(batch, mask), target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return net.eval()


def train_on(folder: Path, windows: Sequence[Window], tests: Sequence[Window], **settings: int) -> Classifier:
    """Train on windows, score on others, and keep the result in a folder."""
    classifier = train(windows, Training(**settings))
    classifier.scores = {name: dict(score) for name, score in activity_scores(classifier, tests).items()}
    classifier.save(folder)
    return classifier
