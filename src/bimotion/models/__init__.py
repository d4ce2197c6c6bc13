"""Networks: motion VAE, two-branch transformer, diffusion head, length, and the model assembled from them."""
