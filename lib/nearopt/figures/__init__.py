"""The figures, one file a notebook."""
