"""Options of `common-ml run` for many films and many machines."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from common_ml.errors import ParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PANEL = "Many films, many machines"

RunTagger: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="MAIN_OR_IMAGE",
        help="A main.py, a folder with one, a command, or an image; with --plan that of the plan.",
    ),
]
RunFiles: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILES...",
        help="Media: files, folders (recursively), quoted globs; with --on or --parts also URLs.",
    ),
]
On: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="ENGINE",
        rich_help_panel=_PANEL,
        help="`ray` for a cluster on this machine, `ray://auto` for the one that it belongs to, "
        "`ray://HOST:10001` for another one.",
    ),
]
Parts: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE",
        rich_help_panel=_PANEL,
        help="Folder or URL (s3://, gs://) for one part per file, merged into the output; a file "
        "that has its part is skipped. By default beside the output.",
    ),
]
Shard: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        rich_help_panel=_PANEL,
        help="Tag one of N shares of the files into --parts, without merging.",
    ),
]
Plan: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        rich_help_panel=_PANEL,
        help="Take the files from a plan of `common-ml scale plan`.",
    ),
]
MaxTaggers: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=_PANEL, help="Taggers at a time on a cluster."),
]
CpusPerTagger: TypeAlias = Annotated[
    float, typer.Option(min=0, rich_help_panel=_PANEL, help="CPUs that a tagger is counted as.")
]
GpusPerTagger: TypeAlias = Annotated[
    float,
    typer.Option(min=0, rich_help_panel=_PANEL, help="GPUs of a tagger; 0.5 puts two on one."),
]
CacheGib: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0, rich_help_panel=_PANEL, help="GiB that a machine keeps of films with a URL."
    ),
]


@dataclass(frozen=True)
class ScaleOptions:
    """The given options."""

    on: str | None
    parts: str | None
    shard: str | None
    plan: str | None
    max_taggers: int | None
    cpus_per_tagger: float
    gpus_per_tagger: float
    cache_gib: float

    def __post_init__(self) -> None:
        problems = [
            f"--{name.replace('_', '-')} is a finite number, got inf"
            for name in ("cpus_per_tagger", "gpus_per_tagger", "cache_gib")
            if math.isinf(getattr(self, name))
        ]
        if self.on is not None:
            from common_ml.scale.job import problem_of_engine

            if problem := problem_of_engine(self.on):
                problems.append(f"--{problem}")
        if self.shard is not None:
            found = re.fullmatch(r"(\d+)/(\d+)", self.shard)
            if not found or not 1 <= int(found[1]) <= int(found[2]):
                problems.append(f"--shard is I/N with 1 <= I <= N, got {self.shard!r}")
            if self.parts is None and self.plan is None:
                problems.append("--shard needs --parts or --plan: where all shards put their parts")
        if self.parts is not None:
            from common_ml.parts import problem_of_parts

            if problem := problem_of_parts(self.parts):
                problems.append(f"--{problem}")
        if problems:
            raise ParamsError(problems)

    @property
    def names(self) -> list[str]:
        """The given options that require parts."""
        return [
            f"--{name}"
            for name in ("on", "parts", "shard", "plan")
            if getattr(self, name) is not None
        ]

    @property
    def are_used(self) -> bool:
        """Whether any option requires parts."""
        return bool(self.names)

    @property
    def share(self) -> tuple[int, int] | None:
        """Number of the share, from 1, and number of shares."""
        if self.shard is None:
            return None
        number, _, total = self.shard.partition("/")
        return int(number), int(total)

    def check_beside_plan(
        self, num_shards: int, *, files: Sequence[str], params: Mapping[str, Any] | None
    ) -> None:
        """Check the options beside a plan, which determines shards, films and params.

        Raises:
            ParamsError: an option contradicts the plan.
        """
        problems = []
        if self.share is not None and self.share[1] != num_shards:
            problems.append(
                f"--shard is 1/{num_shards} to {num_shards}/{num_shards} of {self.plan}, got "
                f"{self.shard!r}; hint: `common-ml scale plan --shards {self.share[1]}` makes a "
                "new plan"
            )
        beside = [*(["FILES"] if files else []), *(["params"] if params else [])]
        if beside:
            problems.append(
                f"--plan has its own {' and '.join(beside)}; hint: leave them out, or make another "
                "plan with `common-ml scale plan`"
            )
        if problems:
            raise ParamsError(problems)
