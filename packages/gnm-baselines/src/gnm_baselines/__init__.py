"""VAE, ConvDRAW, GENESIS and SPACE through the contracts of gnm_core."""
