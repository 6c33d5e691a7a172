"""Data sets with ground truth, judges and metrics for scene models. Everything is imported on first use."""

from gnm_core.lazy import lazy_names

from gnm_data import moved as moved

__getattr__, __all__ = lazy_names(__name__, __file__)
