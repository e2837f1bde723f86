"""Plan file of a sharded job: tagger, params, films and their shards, address of the parts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from common_ml.errors import OutputError
from common_ml.parts import PartKey, params_digest
from common_ml.scale.plan import lower_bound, shards
from common_ml.utils.whole_file import write_whole

if TYPE_CHECKING:
    from common_ml.scale.plan import Film
    from common_ml.types import StrPath

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """The configuration that all shards of a job share."""

    tagger: str
    """A `main.py`, a command or an image, by its path on every machine."""
    revision: str
    """Revision of the tagger; see `revision_of`."""
    params: dict[str, Any] | None
    parts: str
    """Folder or URL of the parts, valid on every machine."""
    num_shards: int
    films: tuple[Film, ...]
    """The films, in the order of the output."""

    def key_of(self, film: Film) -> PartKey:
        """Return the key of a film's part."""
        return PartKey(film.name, revision=self.revision, params=params_digest(self.params))

    @property
    def keys(self) -> list[PartKey]:
        """The keys of all parts, in the order of the output."""
        return [self.key_of(film) for film in self.films]

    @property
    def shards(self) -> list[list[Film]]:
        """The films of each shard."""
        return shards(self.films, self.num_shards)

    @property
    def balance(self) -> float:
        """The cost of the largest shard over that of the best possible division, >= 1."""
        costs = [film.cost for film in self.films]
        largest = max(sum(film.cost for film in share) for share in self.shards)
        return largest / max(lower_bound(costs, [1.0] * self.num_shards), 1e-9)

    def write(self, path: StrPath) -> None:
        """Write the plan as JSON, by atomic rename: shards may be reading an earlier one.

        Raises:
            OutputError: it cannot be written.
        """
        document = {"common_ml_plan": VERSION, **asdict(self)}
        text = json.dumps(document, indent=1, ensure_ascii=True)
        try:
            write_whole(path, f"{text}\n".encode("ascii"))
        except OSError as error:
            raise OutputError(
                f"the plan {path} cannot be written: {error.strerror or error}", path=path
            ) from error

    @staticmethod
    def read(path: StrPath) -> Plan:
        """Read a plan.

        Raises:
            OSError: the file cannot be read.
            ParamsError: it is not a plan; names each key that is wrong.
        """
        from common_ml.scale.plan_document import read_document

        return Plan(**read_document(path, version=VERSION))
