"""The pytest plugin; pytest loads it wherever common-ml is installed."""
