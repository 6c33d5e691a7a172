"""Kernels in PyTorch: the same as formulas of the renderers, with less work."""
