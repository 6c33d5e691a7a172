"""What `gnm new` writes: texts with `$name`, `$module`, `$package` and `$part` to be filled in."""
