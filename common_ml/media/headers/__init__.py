"""Read file headers: magic numbers, image size, truncation and encryption."""
