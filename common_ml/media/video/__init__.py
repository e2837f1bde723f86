"""Frames of a video: packet index, timeline, decoding plan, and decoders."""
