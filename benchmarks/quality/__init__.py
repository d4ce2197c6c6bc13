"""How good a trained model is: scripts that measure it on motions and words that training never saw."""
