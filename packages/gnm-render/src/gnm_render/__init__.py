"""Renderers, decoders and figures for scene models."""

from gnm_render import moved as moved
