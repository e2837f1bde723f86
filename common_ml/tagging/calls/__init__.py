"""Call a model: batch its frames, validate its output, and keep bundles of failed calls."""
