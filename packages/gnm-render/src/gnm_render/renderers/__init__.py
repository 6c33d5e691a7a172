"""Renderers: symbolic map to image."""
