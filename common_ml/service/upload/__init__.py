"""Bytes of clients on their way into the store: multipart forms and resumable uploads."""
