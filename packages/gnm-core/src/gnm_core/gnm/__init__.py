"""The Generative Neurosymbolic Machine, put together from parts."""
