"""What each preset trains with, stage by stage."""

from bimotion.models.vae import VaeConfig

VAE_PRESETS: dict[str, VaeConfig] = {
    "tiny": VaeConfig(num_latents=4, frames_per_token=4, layers=5, dropout=0.05),
    "gpt2": VaeConfig(),
    "smollm2": VaeConfig(),
    "micro": VaeConfig(
        num_latents=2,
        frames_per_token=4,
        width=32,
        ff_width=64,
        heads=2,
        layers=3,
        dropout=0.1,
        max_frames=200,
    ),
}
