"""The program that the container starts: a tagger of shots and cuts."""

from __future__ import annotations

from common_ml.tagging.run_helpers import catch_errors, get_params, run_default

if __name__ == "__main__":
    with catch_errors():
        # Imported in here: a library that is missing becomes an error line, which the user reads.
        from model import ShotsModel, ShotsParams

        run_default(ShotsModel(get_params(ShotsParams, model=ShotsModel)))
