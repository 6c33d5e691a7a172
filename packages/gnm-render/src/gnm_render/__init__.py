"""Renderers, decoders and figures for scene models."""
