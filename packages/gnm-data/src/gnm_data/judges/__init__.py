"""Judges: do pictures obey a data set's rule, and if not, why not?"""
