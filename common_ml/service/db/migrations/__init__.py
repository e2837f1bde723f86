"""Changes of the tables, oldest first in `versions`."""
