"""For the tests of a tagger's repo: made media, the tagger under test, the contract's checks.

`plugin` is what pytest loads. With it come the fixtures `make_clip`, `make_image`, `make_sound` and
`tagger`, and `pytest --tagger "python main.py"` runs the checks beside the repo's own tests.
"""
