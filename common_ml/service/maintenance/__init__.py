"""Maintenance by operators: backup, restore, garbage collection, consistency checks."""
