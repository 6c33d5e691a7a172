"""The `gnm` program as a file, for `torchrun`."""

from gnm_core.cli import main

main()
