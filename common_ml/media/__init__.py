"""Read media files: probe them, sample video frames, decode images and sound."""
