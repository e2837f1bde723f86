"""Shared by several formats: JSON items, tables, masks, pixels, and downloads."""
