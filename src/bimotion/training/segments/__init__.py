"""Training of the segment model."""
