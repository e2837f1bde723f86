from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data.formats import diffgram
from common_ml.data.formats.diffgram.project import Project
from common_ml.data.formats.shared.web import Web
from common_ml.data.record import Annotation, Box, Record
from common_ml.errors import ServiceError
from tests.data.formats.server import Answer, Asked, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.data.formats.server import Server

BOX = {"id": 1, "type": "box", "label_file": {"id": 3, "label": {"name": "car"}},
       "x_min": 10, "y_min": 20, "x_max": 30, "y_max": 60, "score": 0.5, "number": 4,
       "machine_made": True, "attribute_groups": {"12": "red"}}  # fmt: skip
POLYGON = {"id": 2, "type": "polygon", "label_file": {"id": 4, "label": {"name": "road"}},
           "points": [{"x": 0, "y": 0}, {"x": 100, "y": 0}, {"x": 50, "y": 80}]}  # fmt: skip
LINE = {**POLYGON, "type": "line"}
TAG = {"type": "tag", "label_file": {"id": 5, "label": {"name": "night"}}}
GLOBAL = {"type": "global", "attribute_groups": {"7": "rain"}}
GONE = {**BOX, "soft_delete": True}


def file_of(number: int, *instances: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "image",
        "original_filename": f"{number}.jpg",
        "image": {"width": 100, "height": 80, "url_signed": f"https://x.example/{number}.jpg?s"},
        "instance_list": list(instances),
    }


EXPECTED = Record(
    media="https://x.example/7.jpg?s",
    kind="image",
    width=100,
    height=80,
    annotations=(
        Annotation(
            "car",
            confidence=0.5,
            box=Box(0.1, 0.25, 0.3, 0.75),
            attributes={"12": "red", "number": 4, "machine_made": True},
        ),
        Annotation("road", polygon=((0, 0), (1, 0), (0.5, 1))),
        Annotation(
            "road",
            attributes={
                "geometry": {"type": "line", "unit": "pixel",
                             "points": [[0, 0], [100, 0], [50, 80]]}
            },
        ),
        Annotation("night"),
    ),
    metadata={"original_filename": "7.jpg", "global_attributes": {"7": "rain"}},
    id="7",
)  # fmt: skip
INSTANCES = (BOX, POLYGON, LINE, TAG, GLOBAL, GONE)


def read(folder: Path, data: Any) -> list[Record]:
    path = folder / "export.json"
    path.write_text(json.dumps(data))
    return list(diffgram.read(path))


def test_a_list_of_files(tmp_path: Path) -> None:
    assert read(tmp_path, [file_of(7, *INSTANCES)]) == [EXPECTED]


def test_an_export_keeps_files_by_id_beside_the_names_of_labels(tmp_path: Path) -> None:
    plain = {key: value for key, value in BOX.items() if key != "label_file"}
    file = {key: value for key, value in file_of(7, *INSTANCES).items() if key != "id"}
    file["instance_list"][0] = {**plain, "label_file_id": 3}
    data = {"readme": {}, "label_map": {"3": "car"}, "export_info": {}, "7": file}

    assert read(tmp_path, data) == [EXPECTED]


def test_a_compound_file_is_its_children(tmp_path: Path) -> None:
    parent = {"id": 1, "type": "compound", "children": [file_of(2), file_of(3, TAG)]}
    records = read(tmp_path, [parent])

    assert [(one.id, one.metadata["parent_id"], one.labels()) for one in records] == [
        ("2", "1", ()), ("3", "1", ("night",))]  # fmt: skip


FILES = {7: file_of(7, *INSTANCES), 8: file_of(8), 9: file_of(9, TAG)}


def platform(asked: Asked) -> Answer:
    """A project `pro ject` with a dataset `night shift` of three files, two ids a page."""
    base = "/api/project/pro%20ject"
    if asked.path == f"{base}/user/legacy/working_dir/view":
        found = {"directory_id": 5, "nickname": asked.query["name"]}
        return Answer({"working_dir": found if asked.query["name"] == "night shift" else {}})
    if asked.path == f"{base}/user/sdk/file/list":
        wanted = asked.body["metadata"]
        assert wanted["directory_id"] == 5
        start = 2 * (wanted["page"] - 1)
        shown: list[Any] = list(FILES)[start : start + 2]
        if wanted["file_view_mode"] == "annotation":
            assert wanted["limit"] == 2
            shown = [FILES[number] for number in shown]
        else:
            assert wanted["file_view_mode"] == "ids_only"
        more = wanted["page"] + 1 if start + 2 < len(FILES) else None
        return Answer({"file_list": shown, "metadata": {"next_page": more}})
    if asked.path == "/api/v1/project/pro%20ject/labels/view/name_to_file_id":
        return Answer({"log": {"success": True}, "name_to_file_id": {"car": 3}})
    number = int(asked.path.removeprefix(f"{base}/file/").split("/")[0])
    assert asked.body == {"directory_id": 5}
    return Answer({"file_serialized": FILES[number]})


def live(server: Server, **options: Any) -> Iterator[Record]:
    return diffgram.read(
        "diffgram://pro ject",
        dataset="night shift",
        query="labels.car > 0",
        host=server.url,
        client_id="me",
        client_secret="secret",  # noqa: S106 - of a server in this test
        **options,
    )


def test_a_live_project_gives_ids_first_and_pages_of_files_when_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("common_ml.data.formats.diffgram.project.ANNOTATION_PAGE_SIZE", 2)
    with serving(platform) as server:
        records = live(server)
        assert next(records) == EXPECTED
        asked_for_first = len(server.asked)
        assert next(records).id == "8"
        asked_for_second = len(server.asked)
        rest = list(records)

    assert [one.id for one in rest] == ["9"]
    assert asked_for_first == 4  # dataset, two pages of ids, and one of files
    assert asked_for_second == 4
    assert len(server.asked) == 5
    assert server.asked[1].body["metadata"]["query"] == "labels.car > 0"
    key = base64.b64encode(b"me:secret").decode()
    assert {one.headers["Authorization"] for one in server.asked} == {f"Basic {key}"}


@pytest.mark.parametrize(
    "lost", [{"type": "video"}, {"instance_list": None}, {"image": None}, {"id": 1}]
)
def test_what_a_page_does_not_hold_is_requested_by_itself(
    monkeypatch: pytest.MonkeyPatch, lost: dict[str, Any]
) -> None:
    """Frames of videos are not in pages; a file may have moved to another page meanwhile."""
    monkeypatch.setattr("common_ml.data.formats.diffgram.project.ANNOTATION_PAGE_SIZE", 2)

    def answer(asked: Asked) -> Answer:
        found = platform(asked)
        body = asked.body or {}
        if body.get("metadata", {}).get("file_view_mode") == "annotation":
            assert isinstance(found.body, dict)
            found.body["file_list"] = [{**one, **lost} for one in found.body["file_list"]]
        return found

    with serving(answer) as server:
        assert [one.id for one in live(server)] == ["7", "8", "9"]
    files = [one.path for one in server.asked if one.path.endswith("/annotation/list")]
    assert len(files) == 3


def test_labels_of_a_project() -> None:
    with serving(platform) as server:
        project = Project("pro ject", host=server.url, web=Web())
        assert project.labels() == {"car": 3}


def test_a_dataset_that_is_not_there_is_told() -> None:
    with serving(platform) as server:
        records = diffgram.read("diffgram://pro ject", host=server.url, web=Web(), dataset="day")
        with pytest.raises(ServiceError, match="has no dataset day"):
            next(records)


def test_what_may_pass_is_asked_again_and_what_does_not_is_told() -> None:
    statuses = [429, 500, 200, 403]
    pauses: list[float] = []

    def answer(asked: Asked) -> Answer:
        status = statuses.pop(0)
        wait = {"Retry-After": "7"} if status == 429 else {}
        body = {"working_dir": {"directory_id": 5}, "log": {"error": {}}}
        return Answer(body if status == 200 else {"log": {"error": {"a": "b"}}}, status, wait)

    with serving(answer) as server:
        web = Web(pause=pauses.append)
        project = Project("p", host=server.url, web=web)
        assert project.dataset_id("x") == 5
        with pytest.raises(ServiceError, match="answers 403") as caught:
            project.labels()

    assert pauses[0] == 7.0
    assert 1.0 <= pauses[1] <= 2.0
    assert caught.value.status == 403


def test_a_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIFFGRAM_CLIENT_ID", raising=False)

    with pytest.raises(ServiceError, match="DIFFGRAM_CLIENT_ID"):
        next(diffgram.read("diffgram://p"))


def test_only_web_addresses_are_asked(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="must be an https address"):
        Web().download("file:///etc/hostname", tmp_path / "x")
