"""Where the digits of the scenes come from."""
