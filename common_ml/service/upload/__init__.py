"""Uploads: multipart forms and resumable uploads, staged before they enter the store."""
