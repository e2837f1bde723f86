"""What is in a media file, which frames to take, and the frames themselves."""
