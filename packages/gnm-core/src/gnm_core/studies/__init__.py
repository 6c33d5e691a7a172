"""Studies: many runs from one file, with options that vary, seeds and a budget, and a page that compares them."""
