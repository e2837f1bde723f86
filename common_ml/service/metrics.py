"""Prometheus metrics of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """The counters of one server; each server has a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "common_ml_http_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "common_ml_http_request_seconds",
            "Time until a request was answered.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_progress = Gauge(
            "common_ml_http_requests_in_progress",
            "Requests being answered.",
            registry=self._registry,
        )
        self.received_bytes = Counter(
            "common_ml_received_bytes_total", "Bytes of uploads received.", registry=self._registry
        )
        self.failed_logins = Counter(
            "common_ml_failed_logins_total", "Logins that failed.", registry=self._registry
        )
        self._predictions = Gauge(
            "common_ml_predictions",
            "Predictions by model and state.",
            ["model", "state"],
            registry=self._registry,
        )
        self._workers = Gauge("common_ml_workers", "Workers alive.", registry=self._registry)

    def exposition(self, predictions: Mapping[tuple[str, str], int], *, workers: int) -> bytes:
        """Return all metrics as text.

        Args:
            predictions: Their number for each model and state.
            workers: How many are alive.
        """
        self._predictions.clear()
        for (model, state), number in predictions.items():
            self._predictions.labels(model, state).set(number)
        self._workers.set(workers)
        return generate_latest(self._registry)
