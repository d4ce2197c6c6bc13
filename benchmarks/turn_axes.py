"""Put a trained model's latents onto newly found axes, more or fewer, and keep what it has learnt.

    python -m benchmarks.turn_axes MODEL DATA OUT --rank 192 [--weights CHECKPOINT]

What reads latents (captions, the length, the head's input) is turned exactly as far as both sets of axes hold the same;
the head's output, and the direct path's gains of single numbers, nearly: some hundred steps of training mend it.
`--weights` takes a checkpoint's averaged weights in place of the model's own.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from bimotion.data.store import MotionStore
from bimotion.models.motion_language import MotionLanguage
from bimotion.models.weights import load_model, save_model
from bimotion.training.clips import ClipPool
from bimotion.training.language.init_model import feature_stats, find_model, take_statistics
from bimotion.training.language.latent_cache import latents_of


def turned(old: MotionLanguage, rank: int, pool: ClipPool, file: Path) -> MotionLanguage:
    """The model on `rank` axes that fit the windows of `pool`."""
    new = MotionLanguage(replace(old.config, latent_rank=rank))
    state = old.state_dict()
    own = new.state_dict()
    new.load_state_dict(
        {name: state[name] if own[name].shape == state[name].shape else own[name] for name in own}
    )
    latents = latents_of(new.vae.requires_grad_(False), pool, file, completion=False, save=False)
    take_statistics(new, latents, pool)
    # rows of numbers on the new axes times `back` are those on the old ones, and the other way round
    back = new.latent_std.T * (new.latent_axes_back @ old.latent_axes.T) / old.latent_std
    forth = old.latent_std.T * (old.latent_axes_back @ new.latent_axes.T) / new.latent_std
    with torch.no_grad():
        for part in ("understanding", "head.embed", "length.embed_latent"):
            new.get_parameter(f"{part}.weight").copy_(state[f"{part}.weight"] @ back.T)
        for name in ("weight", "bias"):
            told = state[f"head.unembed.{name}"]
            new.get_parameter(f"head.unembed.{name}").copy_(forth.T @ told)
            if old.head.direct is not None:
                gain, shift = state[f"head.direct.{name}"].chunk(2)
                parts: list[Tensor] = [(back * forth.T) @ gain, forth.T @ shift]
                new.get_parameter(f"head.direct.{name}").copy_(torch.cat(parts))
    return new


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rank", type=int, required=True)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    old, tokenizer = load_model(find_model(args.model))
    if args.weights is not None:
        own = dict(old.named_parameters())
        with torch.no_grad():
            for name, value in load_file(args.weights / "ema.safetensors").items():
                own[name.removeprefix("model.")].copy_(value)
    store = MotionStore.open(args.data)
    pool = ClipPool(store, store.items("train"), feature_stats(old))
    new = turned(old, args.rank, pool, args.out / "latents.safetensors")
    save_model(new, args.out, tokenizer, f"{args.model} on {args.rank} axes.", dtype=torch.float32)


if __name__ == "__main__":
    main()
