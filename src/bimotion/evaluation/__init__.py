"""How good a system is: retrieval, distributions, joint errors, captions, and the protocols that combine them."""
