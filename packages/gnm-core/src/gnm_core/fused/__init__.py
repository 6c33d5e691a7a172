"""Kernels in PyTorch: the layers' formulas in fewer passes and with fewer tensors kept, on any device."""
