"""A client of the prediction service."""

from common_ml.service.client.client import Client
from common_ml.service.client.values import FileInfo, Prediction, Submitted

__all__ = ["Client", "FileInfo", "Prediction", "Submitted"]
