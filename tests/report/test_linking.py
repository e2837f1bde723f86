"""Modules joined to one script."""

from __future__ import annotations

import pytest

from common_ml.report.linking import link

MODULES = {
    "main.js": 'import { b } from "./b.js";\nimport { a } from "./a.js";\n\nb(a);\n',
    "b.js": 'import { a } from "./a.js";\n\nexport function b(x) {\n  return x + a;\n}\n',
    "a.js": "export const a = 1;\n",
}


def test_modules_come_before_their_importers_once() -> None:
    script = link(MODULES.__getitem__, "main.js")

    assert " ".join(script.split()) == "const a = 1; function b(x) { return x + a; } b(a);"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"a.js": 'import { b } from "./b.js";\nexport const a = 1;\n'}, "b.js -> a.js -> b.js"),
        ({"b.js": "export const a = 2, b = 3;\n"}, "a is in b.js and in a.js"),
        ({"a.js": "const a = 1;\n"}, "b.js imports a, which a.js does not export"),
    ],
)
def test_what_would_go_wrong_in_the_browser_is_told(changed: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        link((MODULES | changed).__getitem__, "main.js")
