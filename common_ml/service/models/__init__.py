"""The models of a service: taggers with a name, described and numbered by what they are."""
