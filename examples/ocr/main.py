"""The program that the container starts: an OCR tagger."""

from __future__ import annotations

from common_ml.tagging.run_helpers import catch_errors, get_params, run_default

if __name__ == "__main__":
    with catch_errors():
        # Imported in here: a library that is missing becomes an error line, which the user reads.
        from model import OcrModel, OcrParams

        run_default(OcrModel(get_params(OcrParams, model=OcrModel)))
