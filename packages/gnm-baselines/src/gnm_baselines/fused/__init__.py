"""Kernels in PyTorch: the baselines' layers in fewer passes and with fewer tensors kept."""
