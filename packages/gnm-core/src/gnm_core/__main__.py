"""`python -m gnm_core` is `gnm`."""

from gnm_core.cli import main

main(prog_name="gnm")
