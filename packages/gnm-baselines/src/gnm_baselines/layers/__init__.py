"""Layers that the baselines share."""
