"""The prediction service: files in, tags out, over HTTP."""
