"""Weights published by others, converted to our models."""
