"""Coloured shapes with a rule of their own."""
