"""Tag frames of videos and still images, and join them to runs."""
