"""Trained models that a package ships, or that a user has exported: found by name, read like a run."""
