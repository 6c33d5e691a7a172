"""ConvDRAW: the core, and the flat image model around it."""
