"""From a spec file to a checked spec."""

from gnm_core.spec.checked import CheckedSpec, Spec, load_spec

__all__ = ["CheckedSpec", "Spec", "load_spec"]
