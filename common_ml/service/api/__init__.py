"""The HTTP interfaces of the prediction service."""
