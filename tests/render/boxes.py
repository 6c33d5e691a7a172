"""Where boxes may lie, made of two numbers in [0, 1] an axis: extent and centre."""

BOXES = {
    "ordinary": lambda e, c: (0.1 + 0.4 * e, 1.2 * c - 0.6),
    "partly outside": lambda e, c: (0.3 + 0.9 * e, 2.4 * c - 1.2),
    "wholly outside": lambda e, c: (0.05 + 0.1 * e, 1.5 + c),
    "tiny": lambda e, c: (0.002 + 0.02 * e, 1.8 * c - 0.9),
    "huge": lambda e, c: (2 + 4 * e, 2 * c - 1),
}
