"""Costs of films: durations where they are stated in time, else estimates from sizes."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from common_ml.errors import MediaError
from common_ml.scale.plan import PICTURE_SECONDS, Film
from common_ml.scale.probing import films_of


@pytest.fixture
def durations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Fraction | None]:
    """What probing finds, by name; other files are damaged. Names are those of a new folder."""
    found: dict[str, Fraction | None] = {}

    def probe(path: str) -> SimpleNamespace:
        if path not in found:
            raise MediaError("damaged", path=path)
        return SimpleNamespace(duration_seconds=found[path])

    monkeypatch.setattr("common_ml.media.probe.probe", probe)
    monkeypatch.chdir(tmp_path)
    return found


def file(name: str, num_bytes: int) -> str:
    Path(name).write_bytes(b"x" * num_bytes)
    return name


def costs_of(*names: str, within_seconds: float | None = None) -> list[float]:
    return [film.cost for film in films_of(names, within_seconds=within_seconds)]


def sound(path: Path, seconds: int) -> str:
    with wave.open(str(path), "wb") as writer:
        writer.setparams((1, 2, 8000, 0, "NONE", ""))
        writer.writeframes(bytes(2 * 8000 * seconds))
    return str(path)


def test_real_files_cost_as_long_as_they_take(tmp_path: Path) -> None:
    two, three = sound(tmp_path / "two.wav", 2), sound(tmp_path / "three.wav", 3)
    picture = tmp_path / "a.jpg"
    Image.new("RGB", (64, 48)).save(picture)
    # nothing but pictures, one after the other: no duration is stated
    stream = tmp_path / "b.mjpeg"
    stream.write_bytes(
        picture.read_bytes() * (Path(two).stat().st_size // len(picture.read_bytes()))
    )

    costs = costs_of(two, str(picture), three, str(stream))

    assert costs[:3] == [2.0, PICTURE_SECONDS, 3.0]
    assert costs[3] == pytest.approx(2.0, rel=0.1)  # as many bytes as the first


def test_films_have_the_order_of_their_names_each_once(
    durations: dict[str, Fraction | None], tmp_path: Path
) -> None:
    durations.update({"b.mp4": Fraction(7, 2), "a.mp4": Fraction(10)})
    (tmp_path / "link.mp4").symlink_to("a.mp4")
    url = "https://films.example/c.mp4"
    assert films_of(iter(["b.mp4", url, "a.mp4", "b.mp4", "link.mp4"])) == [
        Film("b.mp4", str(tmp_path / "b.mp4"), 3.5),
        Film(url, url, 6.75),  # the average
        Film("a.mp4", str(tmp_path / "a.mp4"), 10.0),
        Film("link.mp4", str(tmp_path / "link.mp4"), PICTURE_SECONDS),  # its own name, damaged
    ]
    assert films_of([]) == []


def test_an_unknown_duration_is_estimated_from_the_bytes_of_the_others(
    durations: dict[str, Fraction | None],
) -> None:
    """3000 bytes in 12 seconds: 250 a second."""
    durations.update({file("a.mp4", 1000): Fraction(2), file("b.mp4", 2000): Fraction(10)})
    durations[file("unknown.ts", 5000)] = None
    assert costs_of("a.mp4", "unknown.ts", "b.mp4") == [2.0, 20.0, 10.0]


@pytest.mark.parametrize("num_bytes", [0, 1_000, 1_000_000, 50_000_000])
def test_without_any_duration_four_megabits_are_a_second(
    durations: dict[str, Fraction | None], num_bytes: int
) -> None:
    durations[file("a.ts", num_bytes)] = None
    assert costs_of("a.ts") == [max(PICTURE_SECONDS, num_bytes * 8 / 4e6)]


@pytest.mark.parametrize("num_pictures", [0, 1, 50])
def test_pictures_do_not_change_the_estimate_of_films(
    durations: dict[str, Fraction | None], num_pictures: int
) -> None:
    """They have many bytes for the little time that they cost, and so have damaged files."""
    pictures = [file(f"{number}.jpg", 100_000) for number in range(num_pictures)]
    damaged = file("damaged.mp4", 70_000)
    durations[file("a.mp4", 1000)] = Fraction(10)
    durations[file("unknown.ts", 500)] = None
    *rest, unknown, film, url = costs_of(
        *pictures, damaged, "unknown.ts", "a.mp4", "s3://films/b.mp4"
    )
    assert rest == [PICTURE_SECONDS] * (num_pictures + 1)
    assert (unknown, film, url) == (5.0, 10.0, 10.0)


def test_when_time_is_up_films_are_estimated_and_pictures_known(
    durations: dict[str, Fraction | None],
) -> None:
    durations[file("a.mp4", 1_000_000)] = Fraction(500)
    names = ("a.mp4", file("b.png", 1_000_000), "https://films.example/c.jpg")
    assert costs_of(*names, within_seconds=-1.0) == [2.0, PICTURE_SECONDS, PICTURE_SECONDS]
    assert costs_of(*names, within_seconds=3600.0)[0] == 500.0


def test_only_urls_cost_a_second_each() -> None:
    assert costs_of("s3://films/a.mp4", "gs://films/b.mp4") == [1.0, 1.0]


def test_a_film_that_is_gone_costs_as_much_as_a_picture(
    durations: dict[str, Fraction | None],
) -> None:
    assert costs_of("gone.mp4") == costs_of("gone.mp4", within_seconds=-1.0) == [PICTURE_SECONDS]
