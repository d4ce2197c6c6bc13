"""Finished experiments behind decisions (docs/decisions.md, docs/training-log.md) that can be run again."""
