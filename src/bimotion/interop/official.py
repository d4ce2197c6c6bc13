"""The published MotionGPT3 checkpoint's names and shapes, turned into ours.

Everything that is peculiar to the published code stands here and nowhere else.
"""

import re
from collections.abc import Mapping

from torch import Tensor

VAE_NAMES: tuple[tuple[str, str], ...] = (
    (r"^global_motion_token$", "distribution_tokens"),
    (r"^query_pos_(encoder|decoder)\.pe$", r"\1_positions"),
    (r"^skel_embedding\.", "embed."),
    (r"^final_layer\.", "unembed."),
    (r"\.input_blocks\.", ".inputs."),
    (r"\.middle_block\.", ".middle."),
    (r"\.output_blocks\.", ".outputs."),
    (r"\.linear_blocks\.", ".skips."),
    (r"\.self_attn\.in_proj_(weight|bias)$", r".attention.qkv.\1"),
    (r"\.self_attn\.out_proj\.", ".attention.out."),
    (r"\.multihead_attn\.out_proj\.", ".cross.out."),
    (r"\.linear1\.", ".feed_forward.up."),
    (r"\.linear2\.", ".feed_forward.down."),
    (r"^(encoder\..*)\.norm1\.", r"\1.norm_attention."),
    (r"^(encoder\..*)\.norm2\.", r"\1.norm_feed_forward."),
    (r"^(decoder\..*)\.norm1\.", r"\1.norm_attention."),
    (r"^(decoder\..*)\.norm2\.", r"\1.norm_cross."),
    (r"^(decoder\..*)\.norm3\.", r"\1.norm_feed_forward."),
)
"""Published name -> our name, all rules applied in turn."""


def vae_state(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our `MotionVae` state of a published `MldVae` state (names without the `vae.` in front)."""
    state: dict[str, Tensor] = {}
    for name, value in published.items():
        ours = rename(name, VAE_NAMES)
        if ".multihead_attn.in_proj_" in ours:
            stem, kind = ours.split(".multihead_attn.in_proj_")
            width = value.shape[0] // 3
            state[f"{stem}.cross.q.{kind}"] = value[:width]
            state[f"{stem}.cross.kv.{kind}"] = value[width:]
        elif ours.endswith("_positions"):
            state[ours] = value[:, 0]
        else:
            state[ours] = value
    return state


def rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """`name` after all the (pattern, replacement) rules in turn."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
