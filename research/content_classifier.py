"""A small network that names the content of a motion, for the experiments head_fit and latent_ranks.

    python -m research.content_classifier train DATA OUT [--epochs 30] [--seed 0]
    python -m research.content_classifier test DATA FOLDER

It is trained on the real training motions and their mirror images, sampled so that rare contents are seen
often enough, on random parts of them, a little noisy, smoothed, faster or slower, so that it judges
what is done and not how long or how cleanly. The epoch that does best on validation motions is kept.

Legend: B motions, T frames, C channels, K contents.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import nn

from bimotion.captions.content_words import SPOKEN_GROUPS
from bimotion.captions.contents import CONTENT_GROUPS, OTHER
from bimotion.data.store import Item, MotionStore
from bimotion.evaluation.adherence.activity_net import ActivityNet, collate, varied
from bimotion.evaluation.adherence.channels import SINCE_START, channels, mirrored
from bimotion.features import features_to_joints

CONTENTS = tuple(group for group in dict.fromkeys((*CONTENT_GROUPS, *SPOKEN_GROUPS)) if group != OTHER)

MERGED = {
    "kick": "fight",  # the martial recordings are kicks and punches from the same stance
    "punch": "fight",
    "martial": "fight",
    "respond": "raise",  # `respond` is one arm raised straight up and held: a raised hand to anyone who looks
    "dance": "dance",
    "salsa": "dance",
    "indian-dance": "dance",
}
"""Contents that share a name in the merged scores, and why; the others keep their own. Both scores are reported."""


def merged(content: str) -> str:
    """The content's name in the merged scores."""
    return MERGED.get(content, content)


class Classifier:
    """Content names of motions, by several networks whose probabilities are averaged."""

    def __init__(self, nets: Sequence[ActivityNet], record: dict[str, object]) -> None:
        self.nets = [net.eval() for net in nets]
        self.record = record

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """The classifier that `train` wrote."""
        if not (folder / "classifier.json").is_file():
            raise SystemExit(f"{folder}: no classifier here (classifier.json is missing); train one first")
        record = json.loads((folder / "classifier.json").read_text("utf-8"))
        if record["contents"] != list(CONTENTS):
            raise SystemExit(f"{folder}: was trained on other contents; train it again")
        nets = []
        for number in range(record["networks"]):
            net = ActivityNet(len(CONTENTS))
            net.load_state_dict(load_file(folder / f"classifier-{number}.safetensors"))
            nets.append(net)
        return cls(nets, record)

    @torch.inference_mode()
    def probabilities(self, rows: Sequence[Float[np.ndarray, "_ C"]]) -> Float[np.ndarray, "B K"]:
        """Probability of each of `CONTENTS` for motions given as channels."""
        order = np.argsort([len(each) for each in rows])
        result = np.zeros((len(rows), len(CONTENTS)), np.float32)
        for start in range(0, len(rows), 64):
            chosen = order[start : start + 64]
            batch, mask = collate([rows[index] for index in chosen])
            result[chosen] = torch.stack([net(batch, mask).softmax(-1) for net in self.nets]).mean(0).numpy()
        return result

    def name(self, joints: Sequence[Float[np.ndarray, "_ 22 3"]]) -> list[str]:
        """The content of each motion."""
        best = self.probabilities([channels(each) for each in joints]).argmax(-1)
        return [CONTENTS[index] for index in best]


def part_of(
    rows: Float[np.ndarray, "T C"], content: str, rng: np.random.Generator
) -> Float[np.ndarray, "_ C"]:
    """A varied part of a motion; a turning walk keeps its turn, because a part without it is a walk."""
    rows = rows.astype(np.float32)
    part = varied(rows, rng, 0.75 if len(rows) > 60 else 0.85)
    turn = SINCE_START.start
    kept = content != "turn" or np.ptp(part[:, turn]) > 0.8 * np.ptp(rows[:, turn])
    return part if kept else varied(rows, rng, 1.0)


def real_channels(store: MotionStore, items: Sequence[Item], *, both: bool) -> list[np.ndarray]:
    """Channels of windows; with `both`, of their mirror images too, after all the others."""
    joints = [features_to_joints(store.features(item)) for item in items]
    rows = [channels(each).astype(np.float16) for each in joints]
    return rows + [channels(mirrored(each)).astype(np.float16) for each in joints] if both else rows


def train_net(
    train: list[np.ndarray],
    contents: list[str],
    val: list[np.ndarray],
    expected: list[str],
    epochs: int,
    seed: int,
) -> ActivityNet:
    """A network after the epoch that did best on the validation motions."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = ActivityNet(len(CONTENTS))
    net.fit_statistics(train)
    count = Counter(contents)
    weight = np.array([count[each] ** -0.5 for each in contents])
    weight /= weight.sum()
    steps = epochs * (len(train) // 64)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps, pct_start=0.1)
    best, kept, begun = -1.0, {}, time.monotonic()
    for epoch in range(epochs):
        net.train()
        for _ in range(len(train) // 64):
            chosen = rng.choice(len(train), 64, p=weight)
            rows = [part_of(train[index], contents[index], rng) for index in chosen]
            target = torch.tensor([CONTENTS.index(contents[index]) for index in chosen])
            loss = nn.functional.cross_entropy(net(*collate(rows)), target, label_smoothing=0.05)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        predicted = Classifier([net], {}).probabilities([each.astype(np.float32) for each in val])
        share = float(
            np.mean(
                [CONTENTS[index] == want for index, want in zip(predicted.argmax(-1), expected, strict=True)]
            )
        )
        sure = float(
            np.log([row[CONTENTS.index(want)] for row, want in zip(predicted, expected, strict=True)]).mean()
        )
        if share + 0.02 * sure > best:
            best, kept = (
                share + 0.02 * sure,
                {name: value.clone() for name, value in net.state_dict().items()},
            )
        seconds = time.monotonic() - begun
        print(
            f"seed {seed} epoch {epoch}: loss {loss.item():.3f}  val {share:.4f} ({sure:.3f})  {seconds:.0f} s",
            flush=True,
        )
    net.load_state_dict(kept)
    return net


def scores(expected: Sequence[str], predicted: Sequence[str]) -> dict[str, object]:
    """Share right in all, as mean over contents, with merged contents, and per content; and what was confused."""
    by_content: dict[str, list[bool]] = defaultdict(list)
    for want, got in zip(expected, predicted, strict=True):
        by_content[want].append(want == got)
    wrong = Counter(f"{want} -> {got}" for want, got in zip(expected, predicted, strict=True) if want != got)
    return {
        "count": len(expected),
        "right": float(np.mean([want == got for want, got in zip(expected, predicted, strict=True)])),
        "right_merged": float(
            np.mean([merged(want) == merged(got) for want, got in zip(expected, predicted, strict=True)])
        ),
        "mean_over_contents": float(np.mean([np.mean(flags) for flags in by_content.values()])),
        "per_content": {
            name: {"right": sum(by_content[name]), "of": len(by_content[name])}
            for name in CONTENTS
            if name in by_content
        },
        "wrong": dict(wrong.most_common(20)),
    }


def test(store: MotionStore, classifier: Classifier) -> dict[str, dict[str, object]]:
    """Scores on real validation and test motions, and on their mirror images."""
    result = {}
    for split in ("val", "test"):
        items = store.items(split, mirrored=False)
        rows = [each.astype(np.float32) for each in real_channels(store, items, both=True)]
        predicted = [CONTENTS[index] for index in classifier.probabilities(rows).argmax(-1)]
        expected = [item.content for item in items]
        result[split] = scores(expected, predicted[: len(items)])
        result[f"{split}, mirrored"] = scores(expected, predicted[len(items) :])
    return result


def report(results: dict[str, dict[str, object]]) -> None:
    """The scores as lines."""
    for name, score in results.items():
        print(
            f"{name}: {score['right']:.1%} of {score['count']} right, {score['right_merged']:.1%} merged, "
            f"{score['mean_over_contents']:.1%} mean over contents"
        )
        print("  " + "  ".join(f"{k} {v['right']}/{v['of']}" for k, v in score["per_content"].items()))
        print("  wrong: " + ", ".join(f"{k} {v}" for k, v in score["wrong"].items()))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["train", "test"])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    store = MotionStore.open(args.data)
    if args.what == "train":
        items = store.items("train", mirrored=False)
        train, contents = real_channels(store, items, both=True), [item.content for item in items] * 2
        held = store.items("val", mirrored=False)
        val, expected = real_channels(store, held, both=True), [item.content for item in held] * 2
        seeds = range(args.seed, args.seed + args.networks)
        nets = [train_net(train, contents, val, expected, args.epochs, seed) for seed in seeds]
        record = {"contents": list(CONTENTS), "networks": len(nets), "epochs": args.epochs, "seed": args.seed}
        args.folder.mkdir(parents=True, exist_ok=True)
        for number, net in enumerate(nets):
            save_file(net.state_dict(), args.folder / f"classifier-{number}.safetensors")
        classifier = Classifier(nets, record)
        record["scores"] = test(store, classifier)
        (args.folder / "classifier.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    classifier = Classifier.load(args.folder)
    report(test(store, classifier))


if __name__ == "__main__":
    main()
