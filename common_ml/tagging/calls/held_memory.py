"""Release the memory that the exception of a failed call holds."""

from __future__ import annotations

import traceback


def release_frames(error: BaseException) -> None:
    """Clear the local variables of the calls that `error` passed through; its lines stay.

    Whoever still refers to the exception would otherwise keep the frames and tensors of the call
    alive, and what does not fit into a GPU's memory beside them fails as well.
    """
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        # not `one.__traceback__`: whatever the author overrides
        traceback.clear_frames(object.__getattribute__(one, "__traceback__"))
        left += [object.__getattribute__(one, name) for name in ("__cause__", "__context__")]
