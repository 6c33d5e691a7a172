"""A run on disk: checkpoints that appear as a whole, are read strictly, and never run code."""
