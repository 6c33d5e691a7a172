"""A local page on which scenes are looked into and edited. Needs the extra `gnm-render[studio]`."""
