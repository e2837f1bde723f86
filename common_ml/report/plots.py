"""Write pages of plots: statistics of a dataset, changes between two, a tagger's profile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.report.charts import bars, facts, heat, histogram, legend, matrix, section, stacked
from common_ml.report.columns import shown
from common_ml.report.document import document
from common_ml.utils.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common_ml.types import StrPath

    Facts = Mapping[str, Any]
    """Statistics of a dataset, as `Statistics.to_json` gives them."""

MAX_BARS = 40
STAGES = ("decode", "model", "write", "other", "idle")


def write_dataset_plots(
    target: StrPath, statistics: Facts, *, earlier: Facts | None = None
) -> Path:
    """Write the plots of a dataset, or of two beside each other.

    Args:
        target: The page; an existing one is replaced.
        statistics: The dataset.
        earlier: Another one, with which it is compared.

    Raises:
        OSError: the page cannot be written.
    """
    both = [statistics] if earlier is None else [earlier, statistics]
    parts = [
        section("Dataset", _sources(both), facts(_totals(both)), _legend_of(both)),
        section("Labels", "How often each label occurs.", _counted(both, "labels")),
        section("Tracks", "How many annotations each track has.", _counted(both, "tracks")),
        section(
            "Confidences",
            "Of all annotations that have one; columns are shares.",
            _bins(both, "confidences", ("0", "0.25", "0.5", "0.75", "1")),
        ),
        section(
            "Durations",
            "Of annotations about a range of time.",
            bars(
                [
                    (name, [one["durations"][name] for one in both])
                    for name in statistics["durations"]
                ]
            ),
        ),
        section(
            "Sizes of boxes",
            "Side of a square of the same area, as a share of the picture's; columns are shares.",
            _bins(both, "box_sizes", ("0", "0.25", "0.5", "0.75", "1")),
        ),
        section(
            "Places of boxes",
            "Where the middles of boxes are in the picture.",
            *(heat(one["box_places"]) for one in both),
        ),
        section(
            "Together",
            "In how many frames two labels occur together; in how many files, of annotations about "
            "no frame.",
            matrix(
                [*map(shown, statistics["together"]["labels"])], statistics["together"]["counts"]
            ),
        ),
    ]  # fmt: skip
    if earlier is not None:
        parts.insert(1, _changed(earlier, statistics))
    return _write(target, "Dataset", parts)


def write_bench_plots(target: StrPath, measured: Facts, *, advice: Sequence[str] = ()) -> Path:
    """Write the plots of a tagger's profile.

    Args:
        target: The page; an existing one is replaced.
        measured: The run, as `Measurement.to_json` gives it.
        advice: What to change.

    Raises:
        OSError: the page cannot be written.
    """
    stages, total = measured["stages"], measured["tagging_seconds"] or 1
    names = [name for name in STAGES if name in stages]
    pairs = [
        ("Files", f"{measured['files']:,}"),
        ("Tags", f"{measured['tags']:,}"),
        ("Failed", f"{measured['failed']:,}"),
        ("Frames", f"{measured['frames']:,}"),
        ("Time", f"{measured['total_seconds']:.2f} s, {measured['loading_seconds']:.2f} to start"),
        ("CPUs", f"{measured['cpu_seconds'] / total:.1f} of {measured['cpus']} at work"),
        ("Memory", f"{measured['peak_memory_bytes'] / 1e6:,.0f} MB at most"),
    ]
    if measured.get("times_real_time"):
        pairs.insert(3, ("Speed", f"{measured['times_real_time']:.1f} times real time"))
    parts = [
        section(measured["model"]["name"], ". ".join(map(_capitalised, advice)), facts(pairs)),
        section(
            "Stages",
            "Seconds of the main thread, which is always in one stage.",
            bars(
                [(name, [stages[name]]) for name in names],
                shown=[f"{stages[name]:.2f} s, {stages[name] / total:.0%}" for name in names],
            ),
        ),
    ]
    timeline = measured.get("timeline")
    if timeline is not None:
        parts.append(_timeline(timeline, names))
    return _write(target, f"bench: {measured['model']['name']}", parts)


def _timeline(timeline: Facts, names: Sequence[str]) -> str:
    width = timeline["bin_seconds"]
    count = len(timeline["stages"][names[0]])
    bins = [[min(timeline["stages"][name][n] / width, 1) for name in names] for n in range(count)]
    digits = 1 if count * width >= 10 else 2
    marks = [f"{share * count * width / 4:.{digits}f} s" for share in range(5)]
    return section(
        "Timeline",
        f"Shares of the stages from the first path on, in steps of {width:g} s.",
        stacked(
            bins,
            names=names,
            titles=[f"{n * width:.2f} s" for n in range(count)],
            axis=marks,
        ),
        legend([(name, name) for name in names]),
    )


def _sources(both: Sequence[Facts]) -> str:
    return " → ".join(", ".join(map(shown, one["sources"][:5])) or "records" for one in both)


def _totals(both: Sequence[Facts]) -> list[tuple[str, str]]:
    names = {
        "num_records": "Records",
        "num_media": "Media",
        "num_annotations": "Annotations",
        "num_boxes": "With a box",
    }
    return [(text, " → ".join(f"{one[key]:,}" for one in both)) for key, text in names.items()]


def _legend_of(both: Sequence[Facts]) -> str:
    return "" if len(both) == 1 else legend([("s0", "before"), ("s1", "after")])


def _counted(both: Sequence[Facts], key: str) -> str:
    names = list(dict.fromkeys(name for one in reversed(both) for name in one[key]))
    rows = [
        (shown(name) or "(default)" if key == "tracks" else shown(name) or "(empty)",
         [one[key].get(name, 0) for one in both])
        for name in names[:MAX_BARS]
    ]  # fmt: skip
    more = len(names) - MAX_BARS
    return bars(rows) + (f"<p>and {more:,} more</p>" if more > 0 else "")


def _bins(both: Sequence[Facts], key: str, axis: Sequence[str]) -> str:
    count = len(both[0][key])
    if not any(sum(one[key]) for one in both):
        return "<p>None.</p>"
    names = [f"{n / count:.2f} to {(n + 1) / count:.2f}" for n in range(count)]
    return histogram([one[key] for one in both], names=names, axis=axis)


def _changed(earlier: Facts, later: Facts) -> str:
    """Show the labels whose share of all annotations changed most."""
    before, after = (
        {name: count / (one["num_annotations"] or 1) for name, count in one["labels"].items()}
        for one in (earlier, later)
    )
    names = sorted(
        before.keys() | after.keys(),
        key=lambda name: (-abs(after.get(name, 0) - before.get(name, 0)), name),
    )[:MAX_BARS]
    rows = [(shown(name) or "(empty)", [before.get(name, 0), after.get(name, 0)]) for name in names]
    texts = [f"{was:.1%} → {now:.1%}" for _, (was, now) in rows]
    return section(
        "What changed", "Share of each label among all annotations.", bars(rows, shown=texts)
    )


def _write(target: StrPath, title: str, parts: Iterable[str]) -> Path:
    page = document(
        title,
        ["".join(parts).encode()],
        template="plots.html",
        script="plots.js",
        styles=("tokens.css", "plots.css"),
    )
    write_whole(Path(target), page)
    return Path(target)


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
