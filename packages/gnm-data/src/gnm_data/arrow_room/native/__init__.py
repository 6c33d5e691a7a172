"""The ray tracer and the ground truth in C, for processors with a compiler: numpy's bytes, many times faster."""
