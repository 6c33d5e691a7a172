"""Decoders of z^what and z^b."""
