"""Layers in C, for processors: compiled on first use where there is a compiler; the same functions as in PyTorch."""
