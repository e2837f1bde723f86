"""The program that the container starts: a tagger of speech."""

from __future__ import annotations

from common_ml.tagging.run_helpers import catch_errors, get_params, run_default

if __name__ == "__main__":
    with catch_errors():
        # Imported in here: a library that is missing becomes an error line, which the user reads.
        from model import SpeechModel, SpeechParams

        run_default(SpeechModel(get_params(SpeechParams, model=SpeechModel)))
