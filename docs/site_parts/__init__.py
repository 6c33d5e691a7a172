"""What the documentation site needs beyond Sphinx: links, pages from the registry, docstrings as we write them."""
