"""Motions in words: measured facts, the caption grammar, claims checked against facts, instructions."""
