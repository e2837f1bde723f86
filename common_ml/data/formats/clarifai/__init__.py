"""Clarifai: CSV files of concepts and regions, and the JSON of its inputs."""

from common_ml.data.formats.clarifai.format import NAME, read, read_inputs, write

__all__ = ["NAME", "read", "read_inputs", "write"]
