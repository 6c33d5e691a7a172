"""What the renderers do in C where there is a compiler."""
