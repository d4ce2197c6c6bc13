"""Scores of a system: retrieval, distributions, joint errors, captions, and the protocols that combine them."""
