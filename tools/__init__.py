"""Release tools: a trained model or evaluator becomes the one in the package."""
