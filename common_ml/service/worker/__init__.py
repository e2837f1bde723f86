"""The worker: it claims predictions, keeps taggers, and finishes what they have tagged."""
