"""How fast a diffusion head learns the motions of a data set, without any text: minutes instead of an hour.

    python -m research.head_fit RUN DATA CLASSIFIER
    python -m research.head_fit RUN DATA CLASSIFIER --no-direct --rank 0 --seconds 75

RUN is a run of a language stage, of which the VAE and the kept latents are used; DATA the data set that it was trained
on. The head is trained on one learned condition for each content and side, then asked for the contents and sides of the
validation windows. Prints the share of motions whose content the classifier names rightly, the share of the right side,
and skating, jitter and speed as ratios to the recorded motions', at guidance 1 and 2.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bimotion.captions.facts import measure_facts
from bimotion.captions.mentions import shown_side
from bimotion.data.batches import item_weights
from bimotion.data.store import Item, MotionStore
from bimotion.features import features_to_joints
from bimotion.models.diffusion import DiffusionConfig
from bimotion.models.head import DiffusionHead
from bimotion.models.head_blocks import HeadConfig
from bimotion.models.weights import load_model
from bimotion.motion.quality import MotionQuality, motion_quality
from bimotion.training.clips import ClipPool
from bimotion.training.language.init_model import feature_stats, find_model
from bimotion.training.language.latent_cache import FULL, latents_of
from bimotion.training.vae.latent_axes import BALANCE, body_axes, joint_metric
from research.content_classifier import Classifier

CONDITION_WIDTH, SLOTS = 256, 4
ROWS, REPEATS = 64, 8
EMA_DECAY = 0.995
GUIDANCE = (1.0, 2.0)


def train_head(
    head: DiffusionHead, conditions: nn.Embedding, x: Tensor, keys: Tensor, weights: Tensor, seconds: float
) -> int:
    """Train for some seconds, a cosine schedule from 1e-3; both end with averaged weights. Returns the steps made."""
    parameters = [*head.parameters(), *conditions.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    averaged = [parameter.detach().clone() for parameter in parameters]
    begun, step = time.perf_counter(), 0
    while (passed := (time.perf_counter() - begun) / seconds) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(1, (step + 1) / 50) * (0.49 * (1 + np.cos(np.pi * passed)) + 0.02)
        rows = torch.multinomial(weights, ROWS, replacement=True)
        z = conditions(keys[rows]).view(ROWS, SLOTS, CONDITION_WIDTH)
        optimiser.zero_grad()
        head.loss(x[rows][:, None], z).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        decay = min(EMA_DECAY, (1 + step) / (10 + step))
        torch._foreach_lerp_(averaged, [parameter.detach() for parameter in parameters], 1 - decay)
    with torch.no_grad():
        for parameter, value in zip(parameters, averaged, strict=True):
            parameter.copy_(value)
    return step


def judged(
    items: list[Item], generated: list[np.ndarray], real: list[np.ndarray], classifier: Classifier
) -> str:
    """Content, side and quality in one line."""
    content = np.mean(
        [got == item.content for got, item in zip(classifier.name(generated), items, strict=True)]
    )
    side = np.mean(
        [
            shown_side(item.captions[0], item.content, measure_facts(motion)) == item.side
            for motion, item in zip(generated, items, strict=True)
            if item.side in ("left", "right")
        ]
    )
    actual, reference = (MotionQuality.mean(map(motion_quality, motions)) for motions in (generated, real))
    ratios = ", ".join(
        f"{name} {getattr(actual, name) / max(getattr(reference, name), 1e-9):.2f}"
        for name in ("skating_ratio", "jitter", "speed")
    )
    return f"content {content:.3f}, side {side:.3f}, {ratios}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("classifier", type=Path)
    parser.add_argument("--rank", type=int, default=128, help="axes of the latents; 0: all numbers, scaled")
    parser.add_argument("--direct", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--seconds", type=float, default=75)
    args = parser.parse_args()
    torch.manual_seed(0)
    store, classifier = MotionStore.open(args.data), Classifier.load(args.classifier)
    model, _ = load_model(find_model(args.run))
    vae, stats = model.vae.requires_grad_(False), feature_stats(model)
    train = ClipPool(store, store.items("train"), stats)
    file = args.run / "latents" / "train.safetensors"
    latents = latents_of(vae, train, file, completion=False, save=False).mu[FULL].float()
    mean = latents.mean(0)
    if args.rank:
        metric, counted = joint_metric(vae, train, latents), item_weights(train.items, BALANCE)
        axes = body_axes(latents.flatten(1), metric, args.rank, counted)
        read, write, scale = axes.read, axes.write, axes.scale
    else:
        read = write = torch.eye(latents[0].numel())
        scale = latents.flatten(1).std(0)
    x = (latents - mean).flatten(1) @ read.T / scale
    names = sorted({(item.content, item.side) for item in train.items})
    positions = {name: position for position, name in enumerate(names)}
    keys = torch.tensor([positions[item.content, item.side] for item in train.items])
    predicted = torch.tensor([item.text for item in train.items])
    weights = torch.tensor(item_weights(train.items, 0.5)) * predicted
    head = DiffusionHead(
        HeadConfig(width=args.width, ff_width=512, dropout=0.0, direct=args.direct),
        DiffusionConfig(prediction="v", repeats=REPEATS, sampler="dpmpp", sample_steps=20),
        x.shape[1],
        CONDITION_WIDTH,
        SLOTS,
    )
    conditions = nn.Embedding(len(names), SLOTS * CONDITION_WIDTH)
    steps = train_head(head, conditions, x, keys, weights, args.seconds)
    print(f"rank {args.rank}, direct {args.direct}, width {args.width}: {steps} steps")
    held = [item for item in store.items("val", mirrored=False) if item.text]
    held = [item for item in held if (item.content, item.side) in positions]
    real = [np.asarray(features_to_joints(store.features(item))) for item in held]
    lengths = torch.tensor([item.num_frames for item in held])
    requested = torch.tensor([positions[item.content, item.side] for item in held])
    with torch.inference_mode():
        z = conditions(requested).view(-1, SLOTS, CONDITION_WIDTH)
        for guidance in GUIDANCE:
            noise = torch.Generator().manual_seed(0)
            sampled = head.eval().sample(z, guidance_scale=guidance, generator=noise)[:, 0] * scale @ write
            generated: list[np.ndarray] = []
            for part, frames in zip(
                (sampled.unflatten(1, mean.shape) + mean).split(64), lengths.split(64), strict=True
            ):
                for clip, count in zip(vae.decode(part, frames), frames.tolist(), strict=True):
                    generated.append(np.asarray(features_to_joints(stats.denormalise(clip[:count].numpy()))))
            print(f"  guidance {guidance:g}: {judged(held, generated, real, classifier)}")


if __name__ == "__main__":
    main()
