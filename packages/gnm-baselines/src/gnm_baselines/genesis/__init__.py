"""GENESIS: a mixture of components, their masks inferred one after the other."""
