"""For the tests of a tagger's own repo: made media, the tagger under test, the contract's checks."""
