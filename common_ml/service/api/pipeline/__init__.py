"""The interface of the Abstracted Prediction Pipeline: its web client works unchanged."""

from __future__ import annotations

from fastapi import APIRouter

from common_ml.service.api.pipeline import auth, listings, predicting, searching, tagging

router = APIRouter()
for _module in (auth, listings, predicting, searching, tagging):
    router.include_router(_module.router)
