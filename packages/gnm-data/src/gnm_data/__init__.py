"""Data sets with ground truth, judges and metrics for scene models."""
