"""What users hold: a model with its tokenizer and statistics, for every task."""
