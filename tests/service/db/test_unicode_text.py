"""Texts that a database cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import InvalidRequestError, NotFoundError
from common_ml.service.db.unicode_text import unicode_only
from common_ml.service.operations import predictions, users
from tests.service.cores import add_file, ask, claim, finish, make_user, offer

if TYPE_CHECKING:
    from common_ml.service.core import Core


@given(st.text(st.characters()))
def test_only_nul_and_lone_surrogates_are_replaced(text: str) -> None:
    found = unicode_only(text)

    assert len(found) == len(text)
    for before, after in zip(text, found, strict=True):
        if before == "\0":
            assert after == "\ufffd"
        elif "\ud800" <= before <= "\udfff":
            assert after == "?"
        else:
            assert after == before


def test_any_error_of_a_model_ends_its_prediction(any_core: Core) -> None:
    """Neither database took the text, so that the outcome could not be recorded."""
    ann = make_user(any_core, "ann")
    offer(any_core)
    file = add_file(any_core, ann, b"a", "a.png")
    (number,) = ask(any_core, ann, file.sha256)
    (claimed,) = claim(any_core)

    assert finish(any_core, claimed, "failed", error="no \0 such \ud800 thing")
    found = predictions.get(any_core, ann, number)
    assert (found.state, found.error) == ("failed", "no \ufffd such ? thing")


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_nothing_has_a_name_that_cannot_be_kept(any_core: Core, name: str) -> None:
    with pytest.raises((NotFoundError, InvalidRequestError)):
        users.get(any_core, name)
