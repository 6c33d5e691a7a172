"""From a folder of pictures to a spec that trains on them."""
