"""The command `common-ml`: one file per verb, thin over the packages below."""
