"""The command line interface `common-ml`: one thin module per verb."""
