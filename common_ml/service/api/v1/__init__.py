"""The interface `/v1`."""
