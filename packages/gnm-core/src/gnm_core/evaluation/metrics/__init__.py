"""Metrics: named numbers about any model, through its contract."""
