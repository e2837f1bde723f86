"""Upload records to Clarifai: in chunks, on threads, with retries and an outcome for each record.

    from common_ml.data import clarifai_upload, formats

    records = formats.get("clarifai").read("train.csv")
    account = clarifai_upload.Account(key, user_id="me", app_id="animals")
    summary = clarifai_upload.upload(records, account)
    summary.write_failed("train.failed.csv")

Needs the extra `clarifai`. Nothing of it is loaded before `upload` is called.
"""

from __future__ import annotations

from common_ml.data.clarifai_upload.account import Account
from common_ml.data.clarifai_upload.address import Address
from common_ml.data.clarifai_upload.options import Duplicates, UploadOptions
from common_ml.data.clarifai_upload.outcomes import State, Summary, UploadOutcome
from common_ml.data.clarifai_upload.retry import Backoff, RetryClock
from common_ml.data.clarifai_upload.statuses import Status
from common_ml.data.clarifai_upload.upload import plan, upload

__all__ = [
    "Account",
    "Address",
    "Backoff",
    "Duplicates",
    "RetryClock",
    "State",
    "Status",
    "Summary",
    "UploadOptions",
    "UploadOutcome",
    "plan",
    "upload",
]
