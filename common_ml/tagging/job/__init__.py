"""Context of the running job: signals, deadline, limits, and the current file."""
