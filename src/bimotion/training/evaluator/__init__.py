"""Training of the text-motion evaluator."""
