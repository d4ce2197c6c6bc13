"""Data sets on disk, captions, instruction templates and batches."""
