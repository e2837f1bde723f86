"""Small helpers that model repos import."""

from common_ml.utils.dictionary import nested_update
from common_ml.utils.files import get_file_type

__all__ = ["get_file_type", "nested_update"]
