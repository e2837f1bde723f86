"""Base classes of models."""
