"""The program that the container starts: a detector that follows what it finds."""

from __future__ import annotations

from common_ml.tagging.run_helpers import catch_errors, get_params, run_default

if __name__ == "__main__":
    with catch_errors():
        # Imported in here: a library that is missing becomes an error line, which the user reads.
        from model import DetectModel, DetectParams

        run_default(DetectModel(get_params(DetectParams, model=DetectModel)))
