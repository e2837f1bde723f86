"""For the tests of a tagger's repo: made media, the tagger under test, the contract's checks."""
