"""Names of tensors in published files, converted to ours."""

import re

Rules = tuple[tuple[str, str], ...]
"""Published name -> our name: patterns and replacements, all applied in turn."""

LAYER_NAMES: Rules = (
    (r"\bself_attn\.in_proj_(weight|bias)$", r"attention.qkv.\1"),
    (r"\bself_attn\.out_proj\.", "attention.out."),
    (r"\bmultihead_attn\.out_proj\.", "cross.out."),
    (r"\blinear1\.", "feed_forward.up."),
    (r"\blinear2\.", "feed_forward.down."),
)
"""Layers of torch, in the VAE and in the head."""

VAE_NAMES: Rules = (
    (r"^global_motion_token$", "distribution_tokens"),
    (r"^query_pos_(encoder|decoder)\.pe$", r"\1_positions"),
    (r"^skel_embedding\.", "embed."),
    (r"^final_layer\.", "unembed."),
    (r"\.input_blocks\.", ".inputs."),
    (r"\.middle_block\.", ".middle."),
    (r"\.output_blocks\.", ".outputs."),
    (r"\.linear_blocks\.", ".skips."),
    *LAYER_NAMES,
    (r"\.norm1\.", ".norm_attention."),
    (r"^(encoder\..*)\.norm2\.", r"\1.norm_feed_forward."),
    (r"^(decoder\..*)\.norm2\.", r"\1.norm_cross."),
    (r"^(decoder\..*)\.norm3\.", r"\1.norm_feed_forward."),
)
"""The published motion VAE."""

HEAD_NAMES: Rules = (
    (r"^time_embed\.mlp\.0\.", "time.up."),
    (r"^time_embed\.mlp\.2\.", "time.down."),
    (r"^input_proj\.", "embed."),
    (r"^cond_embed\.hidden_embedding$", "condition.query"),
    (r"^cond_embed\.hid_pos\.pe$", "condition.positions"),
    (r"^cond_embed\.cond_proj\.", "condition.project."),
    (r"^cond_embed\.hid_encoder_layer\.", "condition.layer."),
    *LAYER_NAMES,
    (r"\.norm1\.", ".norm_attention."),
    (r"\.norm2\.", ".norm_feed_forward."),
    (r"^res_blocks\.", "blocks."),
    (r"\.in_ln\.", ".norm."),
    (r"\.mlp\.0\.", ".up."),
    (r"\.mlp\.2\.", ".down."),
    (r"\.adaLN_modulation\.1\.", ".modulate."),
    (r"^final_layer\.linear\.", "unembed."),
    (r"^final_layer\.modulate\.", "modulate."),
)
"""The published diffusion head."""

MIXTURE_NAMES: Rules = (
    (r"^transformer\.wte\.weight$", "text.embedding.weight"),
    (r"^pre_processors\.1\.weight$", "motion.embedding.weight"),
    (r"^transformer\.wpe\.weight$", "positions"),
    (r"\bmlp\.fn\.([01])\.c_fc\.", r"feed_forward.up.fn.\1."),
    (r"\bmlp\.fn\.([01])\.c_proj\.", r"feed_forward.down.fn.\1."),
    (r"\bc_attn\.", "qkv."),
    (r"\bc_proj\.", "out."),
    (r"\bln_1\.", "norm_attention."),
    (r"\bln_2\.", "norm_feed_forward."),
    (r"\bln_f\.", "norm."),
    (r"^transformer\.(?:h\.)?(.*)\bfn\.0\.", r"text.\1"),
    (r"^transformer\.(?:h\.)?(.*)\bfn\.1\.", r"motion.\1"),
    (r"^(text|motion)\.(\d+)\.", r"\1.layers.\2."),
)
"""The published two-branch transformer: `fn.0` is the text branch, `fn.1` the motion branch."""

TIED_NAMES = ("lm_head.weight", "pre_processors.0.weight", "post_processors.0.weight")
"""Other names of the text embedding."""
UNUSED_NAMES = ("post_processors.1.weight",)
"""Never trained and never read."""

GPT2_NAMES: Rules = (
    (r"^transformer\.wte\.weight$", "text.embedding.weight"),
    (r"^transformer\.wpe\.weight$", "positions"),
    (r"^transformer\.ln_f\.", "text.norm."),
    (r"^transformer\.h\.", "text.layers."),
    (r"\.ln_1\.", ".norm_attention."),
    (r"\.ln_2\.", ".norm_feed_forward."),
    (r"\.attn\.c_attn\.", ".qkv."),
    (r"\.attn\.c_proj\.", ".out."),
    (r"\.mlp\.c_fc\.", ".feed_forward.up."),
    (r"\.mlp\.c_proj\.", ".feed_forward.down."),
)
"""transformers' `GPT2LMHeadModel`."""

LLAMA_NAMES: Rules = (
    (r"^model\.embed_tokens\.weight$", "text.embedding.weight"),
    (r"^model\.norm\.", "text.norm."),
    (r"^model\.layers\.", "text.layers."),
    (r"\.input_layernorm\.", ".norm_attention."),
    (r"\.post_attention_layernorm\.", ".norm_feed_forward."),
    (r"\.self_attn\.o_proj\.", ".out."),
    (r"\.mlp\.(gate|up|down)_proj\.", r".feed_forward.\1."),
)
"""transformers' `LlamaForCausalLM`, except for matrices that we store joined."""


def rename(name: str, rules: Rules) -> str:
    """`name` after all the (pattern, replacement) rules in turn."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
