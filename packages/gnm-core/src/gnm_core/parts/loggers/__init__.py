"""Where the records of a training go besides its folder."""
