"""Training of the motion VAE."""
