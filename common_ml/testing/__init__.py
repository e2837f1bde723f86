"""Test support for model repos: generated media, the tagger under test, the contract's checks.

pytest loads `plugin`. It brings the fixtures `make_clip`, `make_image`, `make_sound` and
`tagger`, and `pytest --tagger "python main.py"` runs the checks beside the repo's own tests.
"""
