"""Inference: a model with its tokenizer and statistics, for every task."""
