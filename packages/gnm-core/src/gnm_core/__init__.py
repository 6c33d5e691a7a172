"""Compose, train and sample Generative Neurosymbolic Machines. Everything is imported on first use."""

from gnm_core.hookspecs import hookimpl

__all__ = ["hookimpl"]
