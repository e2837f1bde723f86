"""What tests with a real Ray share: their marks, and the address that Ray is given."""

from __future__ import annotations

import pytest

RAY_MARKS = [
    pytest.mark.cluster,
    # of Ray itself: sockets and files that it leaves to the end of the process
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
LOOPBACK = "127.0.0.2"
"""Ray takes 127.0.0.1 for the address of the network card."""
