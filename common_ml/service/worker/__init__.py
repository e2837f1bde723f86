"""The worker: claims predictions, runs taggers, and commits their results."""
