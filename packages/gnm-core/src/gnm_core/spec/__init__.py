"""From a spec file to a checked spec."""

from gnm_core.schema import DataSpec, Spec
from gnm_core.spec.checked import CheckedSpec, load_spec

__all__ = ["CheckedSpec", "DataSpec", "Spec", "load_spec"]
