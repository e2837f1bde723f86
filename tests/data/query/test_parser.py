"""Queries as trees, and what is refused."""

from __future__ import annotations

import pytest

from common_ml.data.query.expression import (
    And,
    Compare,
    In,
    IsNull,
    Like,
    Literal,
    Name,
    Not,
    Or,
)
from common_ml.data.query.parser import parse
from common_ml.errors import QueryError

CAR = Name(("labels", "car"))


def test_and_binds_tighter_than_or() -> None:
    tree = parse("labels.car > 3 AND labels.person = 0 or file.type = 'image'")

    person, kind = Name(("labels", "person")), Name(("file", "type"))
    assert tree == Or(
        (
            And((Compare(">", CAR, Literal(3)), Compare("=", person, Literal(0)))),
            Compare("=", kind, Literal("image")),
        )
    )


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("labels.car != 1", Compare("<>", CAR, Literal(1))),
        ("labels.car <= -1.5", Compare("<=", CAR, Literal(-1.5))),
        ("labels.car in (1, 2)", In(CAR, (Literal(1), Literal(2)))),
        ("labels.car in [1, 2]", In(CAR, (Literal(1), Literal(2)))),
        ("labels.car not in (1)", Not(In(CAR, (Literal(1),)))),
        ("not (labels.car in (1))", Not(In(CAR, (Literal(1),)))),
        ("track is null", IsNull(Name(("track",)))),
        ("track is not null", Not(IsNull(Name(("track",))))),
        ("track like 'o%'", Like(Name(("track",)), "o%", ignores_case=False)),
        ("track not ilike 'o%'", Not(Like(Name(("track",)), "o%", ignores_case=True))),
        ("attributes.hidden = true", Compare("=", Name(("attributes", "hidden")), Literal(True))),
        ("file.path = 'it''s'", Compare("=", Name(("file", "path")), Literal("it's"))),
        ("track = ''", Compare("=", Name(("track",)), Literal(""))),
        ("labels.car = 1 -- why not", Compare("=", CAR, Literal(1))),
        ('labels."stop sign" = 1', Compare("=", Name(("labels", "stop sign")), Literal(1))),
        (
            "labels.car between 1 and 3",
            And((Compare(">=", CAR, Literal(1)), Compare("<=", CAR, Literal(3)))),
        ),
    ],
)
def test_an_expression_becomes_a_tree(query: str, tree: object) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "must be an expression such as"),
        ("labels.car", "is not a condition; hint: compare it"),
        ("3", "is not a condition"),
        ("labels.car >", "cannot read the query"),
        ("/*", "cannot read the query"),
        ("labels.car = 1; drop table records", "cannot read the query"),
        ("drop table records", "cannot read the query"),
        ("labels.car = 1) limit (1", "must be one expression"),
        ("labels.car = 1) union select (1", "must be one expression"),
        ("labels.car = 1) group by (1", "must be one expression"),
        ("labels.car = 1); select (1", "must be one expression"),
        ("labels.car in (select 1)", "no sub-selects"),
        ("exists (select * from read_csv('/etc/passwd'))", "no sub-selects"),
        ("labels.car = any([1, 2])", "no sub-selects"),
        ("read_text('/etc/passwd') = 'x'", "no functions"),
        ("labels.car = nextval('x')", "no functions"),
        ("getenv('HOME') like '%'", "no functions"),
        ("labels.car + 1 > 2", "no functions and no arithmetic"),
        ("contains(file.path, 'x')", "no functions"),
        ("case when true then true end", "is not allowed"),
        ("labels.car = '1'::int", "is not allowed"),
        ("labels.car = ?", "is not allowed"),
        ("labels.* = 1", "is not allowed"),
        ("labels['car'] = 1", "is not allowed"),
        ("file.path collate nocase = 'x'", "is not allowed"),
        ("labels.car = null", "is not allowed"),
        ("track like label", "needs a text in single quotes"),
        ("(1, 2) = (1, 2)", "no functions"),
        ("labels.car is distinct from 1", "is not allowed"),
    ],
)
def test_anything_but_one_boolean_expression_is_refused(query: str, words: str) -> None:
    with pytest.raises(QueryError, match=r".") as raised:
        parse(query)

    assert words in str(raised.value)
    assert raised.value.query == query
