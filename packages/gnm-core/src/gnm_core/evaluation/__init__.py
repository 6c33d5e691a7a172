"""Measure trained models: metrics, one pass over the data, results on disk, tables, a report; the one door to it all.

What a metric is written against stands in `context`; the metrics themselves are parts.
"""

from gnm_core.lazy import lazy_names

__getattr__, __all__ = lazy_names(__name__, __file__)
