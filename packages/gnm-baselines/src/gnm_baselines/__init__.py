"""VAE, ConvDRAW, GENESIS and SPACE through the contracts of gnm_core. Everything is imported on first use."""

from gnm_core.lazy import lazy_names

__getattr__, __all__ = lazy_names(__name__, __file__)
