"""Scenes of digits that obey a rule: MNIST-4, MNIST-10 and MNIST-4-10."""
