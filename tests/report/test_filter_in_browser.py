"""The filter of the page, compared with `Dataset.slice` over generated expressions and rows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data import Dataset
from common_ml.errors import QueryError
from common_ml.report import write_page
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from tests.report.pages import rows_of, wait
from tests.report.tags import run, seen, write_tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.report.pages import Open

pytestmark = pytest.mark.browser

LABELS = ("car", "Car", "stop sign", "it's", "éa", "z\U0001f600", "z\uffee", "50%", "a_b", "")
TRACKS = ("", "objects", "faces")
COLOURS = ("red", "blue", 3, 3.5, True, False, None)
FILES = ("a.jpg", "b.mp4", "c.wav", "d")
REFUSED = (
    "label", "label = 1", "confidence > 'x'", "colour = 'red'", "lable = 'car'", "labels.cra > 1",
    "file.hight > 1", "attributes.color = 'red'", "confidence >", "confidence > 0.5 and",
    "label = 'car", "(label = 'car'", "label = 'car')", "label in 'car'", "label like track",
    "confidence + 1 > 1", "upper(label) = 'CAR'", "1", "'car'", "label = 'a' = true",
    "attributes.colour = attributes.size", "label = null", "not label", "label between 'a'",
    "label = 'car'; label = 'x'", "labels", "toString = 1", "label is 'car'", "",
)  # fmt: skip
EQUAL = (
    ("confidence>=.5", "confidence >= 0.5e0"),
    ("label == 'car'", "not label <> 'car'"),
    ("label IN ['car', 'Car',]", "label ILIKE 'car'"),
    ("labels.stop_sign > 0", 'labels."stop sign" > 0 -- the same'),
    ("label !~~ '%a%'", "label NOT LIKE '%a%'"),
    ("confidence notnull", "confidence is not null"),
)


def messages(chance: random.Random) -> list[Tag]:
    """Files of one tag, so that each is compared alone, and files of several."""
    made = []
    for number in range(90):
        file = f"{number}/{chance.choice(FILES)}"
        for _ in range(1 if number < 60 else chance.randrange(2, 6)):
            info = {
                "confidence": chance.choice((0, 0.25, 0.5, 0.7, 0.70004, 1, 2, "sure", None)),
                "score": chance.choice((0.1, 0.9, 5, True)),  # where there is no confidence
                "colour": chance.choice(COLOURS),
                "deep": {"size": chance.randrange(4)},
            }
            kept = {key: value for key, value in info.items() if chance.random() < 0.7}
            start = chance.randrange(0, 4000, 500)
            frame = FrameInfo(start // 40) if chance.random() < 0.5 else None
            end = start if frame else start + chance.randrange(0, 2000, 500)
            label, track = chance.choice(LABELS), chance.choice(TRACKS)
            made.append(Tag(start, end, label, file, track, kept or None, frame))
    made.append(Tag(0, 0, "car", "z", "", {"size": 1, "colour": "red", "deep": {"size": 1}}))
    return made


def expression(chance: random.Random, depth: int = 0) -> str:
    """A random condition, nested at most three deep."""
    if depth < 3 and chance.random() < 0.5:
        kind = chance.randrange(4)
        inner = [expression(chance, depth + 1) for _ in range(2)]
        if kind == 0:
            return f"not {'' if chance.random() < 0.5 else '('}{inner[0]}".replace(
                "not (" + inner[0], f"not ({inner[0]})"
            )
        word = chance.choice(("and", "or", "AND", "Or"))
        if kind == 1:
            return f"({inner[0]}) {word} {inner[1]}"
        return f"{inner[0]} {word} {inner[1]}"
    return predicate(chance)


def predicate(chance: random.Random) -> str:
    """One comparison."""
    sign = chance.choice(("=", "!=", "<", "<=", ">", ">=", "==", "<>"))
    labels = [quoted(label) for label in chance.sample(LABELS, 3)]
    number = chance.choice(("0", "0.5", ".7", "1e0", "-1", "500", "1_000", "3"))
    choices: tuple[Callable[[], str], ...] = (
        lambda: f"label {sign} {labels[0]}",
        lambda: f"{labels[0]} {sign} label",
        lambda: f"track {sign} {quoted(chance.choice(TRACKS))}",
        lambda: (
            f"{chance.choice(('confidence', 'start_time', 'end_time', 'value'))} {sign} {number}"
        ),
        lambda: f"start_time {sign} end_time",
        lambda: f"label {chance.choice(('', 'not '))}in ({', '.join(labels)})",
        lambda: f"confidence {chance.choice(('', 'not '))}between 0.5 and {number}",
        lambda: f"label between {labels[0]} and {labels[1]}",
        lambda: (
            f"label {chance.choice(('', 'not '))}{chance.choice(('like', 'ilike'))} "
            + quoted(chance.choice(("%a%", "CAR", "_ar", "%", "z_", "50%", "a_b", "", "%'_")))
        ),
        lambda: (
            f"{chance.choice(('confidence', 'attributes.colour', 'label', 'file.kind'))} is "
            f"{chance.choice(('', 'not '))}null"
        ),
        lambda: (
            f"attributes.colour {sign} {chance.choice((chr(39) + 'red' + chr(39), '3', 'true'))}"
        ),
        lambda: f"attributes.colour {chance.choice(('', 'not '))}in ('red', 3, true)",
        lambda: f"attributes.deep.size {sign} {chance.randrange(4)}",
        lambda: f"labels.car {sign} {chance.randrange(3)}",
        lambda: f'labels."it\'s" {sign} labels.éa',
        lambda: f"file.kind {sign} {quoted(chance.choice(('image', 'video', 'audio')))}",
        lambda: f"file.original_filename {sign} 'b.mp4'",
        lambda: f"file.path like {quoted(chance.choice(('1%', '%.jpg', '_/%')))}",
        lambda: chance.choice(("true and label = 'car'", "1 < 2", "label = track")),
    )
    return chance.choice(choices)()


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize(
    ("seed", "number"), [(7, 25), pytest.param(8, 200, marks=pytest.mark.slow)]
)
def test_the_filter_is_that_of_datasets(
    tmp_path: Path, open_page: Open, seed: int, number: int
) -> None:
    chance = random.Random(seed)
    tags = write_tags(tmp_path / "tags.jsonl", messages(chance))
    page = open_page(write_page(tags, tmp_path / "tags.html").path)
    expressions = [expression(chance) for _ in range(number)]
    expressions += [one for pair in EQUAL for one in pair]

    found = page.evaluate(
        """expressions => expressions.map(text => {
            try { return commonMl.filesWith(text); } catch (problem) { return problem.message; }
        })""",
        [*expressions, *REFUSED],
    )

    with Dataset.open(tags) as dataset:
        wanted = [slice_of(dataset, one) for one in expressions]
        for one in REFUSED:
            with pytest.raises(QueryError):
                dataset.slice(one)
    answers = {one: sorted(names) for one, names in zip(expressions, found, strict=False)}
    assert answers == dict(zip(expressions, wanted, strict=True))
    assert sum(0 < len(names) < 91 for names in wanted) > number / 4
    for one, other in EQUAL:
        assert answers[one] == answers[other]
    refusals = dict(zip(REFUSED, found[len(expressions) :], strict=True))
    assert {one: said for one, said in refusals.items() if not isinstance(said, str)} == {}
    assert "did you mean label?" in refusals["lable = 'car'"]
    assert "did you mean attributes.colour?" in refusals["attributes.color = 'red'"]


def slice_of(dataset: Dataset, expression: str) -> Any:
    return sorted(record.media for record in dataset.slice(expression).records())


def test_the_filter_narrows_tags_files_and_counts(tmp_path: Path, open_page: Open) -> None:
    path = write_tags(
        tmp_path / "tags.jsonl",
        [
            *(seen(n * 40, "dark", confidence=n / 10, file="a.mp4") for n in range(10)),
            run(0, 500, "day", file="a.mp4"),
            run(100, 900, "night", file="a.mp4"),
            seen(0, "light", confidence=0.9, file="b.mp4"),
            Progress("a.mp4"),
            Progress("b.mp4"),
            Progress("c.mp4"),
        ],
    )
    page = open_page(write_page(path, tmp_path / "tags.html").path)
    about = page.locator("#files-list .row:visible .about")
    assert rows_of(page)[:3] == ["day", "night", "dark"]  # time ranges first

    page.fill("#query", "confidence > 0.7 and label = 'dark'")
    wait(page, "document.querySelector('#files-count').textContent === '1 of 3'")
    assert about.all_inner_texts() == ["2 of 12 tags"]
    assert page.inner_text("#tags-count") == "2 of 12"
    page.fill("#query", "confidence > 0.7 and label = 'dark")  # not complete: as it was
    assert page.inner_text("#query-note") == "a text has no end: 'dark"
    assert page.get_attribute("#query", "aria-invalid") == "true"
    assert page.inner_text("#tags-count") == "2 of 12"
    page.fill("#query", "confidence > 0.85")
    wait(page, "document.querySelector('#files-count').textContent === '2 of 3'")
    page.keyboard.press("Escape")
    wait(page, "document.querySelector('#files-count').textContent === '3'")
    page.fill("#files-query", "B.MP4")
    assert about.all_inner_texts() == ["1 tag"]
    page.fill("#files-query", "")

    the_threshold_hides_what_is_less_sure(page)
    page.evaluate("commonMl.search.set('')")
    page.select_option("#sort", "surest")
    assert page.locator("#tags-list .row:visible .sure").all_inner_texts()[:2] == ["0.90", "0.80"]
    page.select_option("#sort", "longest")
    assert rows_of(page)[:2] == ["night", "day"]


def the_threshold_hides_what_is_less_sure(page: Page) -> None:
    """By dragging over the histogram, and by keys; tags without a confidence stay."""
    bins = page.locator("#bins").bounding_box()
    assert bins is not None
    y = bins["y"] + bins["height"] / 2
    page.mouse.move(bins["x"] + 1, y)
    page.mouse.down()
    page.mouse.move(bins["x"] + bins["width"] * 0.55, y, steps=4)
    page.mouse.up()
    assert page.evaluate("commonMl.state.threshold") == pytest.approx(0.55, abs=0.02)
    assert page.inner_text("#tags-count") == "6 of 12"
    wait(page, "document.querySelector('#files-list .about').textContent === '6 of 12 tags'")
    page.locator("#threshold").press("End")
    assert page.inner_text("#tags-count") == "2 of 12"
    page.locator("#threshold").press("Home")
    wait(page, "document.querySelector('#threshold-value').textContent === 'any'")
    assert page.inner_text("#tags-count") == "12"
