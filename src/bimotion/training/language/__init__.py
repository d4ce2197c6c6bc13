"""Training of the language stages."""
