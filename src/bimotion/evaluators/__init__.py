"""Networks that compare text and motion."""
