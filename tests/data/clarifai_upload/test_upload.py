"""What is uploaded, and by which calls."""

from __future__ import annotations

import threading
import wave
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data.clarifai_upload import Backoff, UploadOptions, plan, statuses
from common_ml.data.clarifai_upload.chunk import parts
from common_ml.data.record import Annotation, Box, Record
from tests.data.clarifai_upload.helpers import boxed, plain, states, url
from tests.data.clarifai_upload.platform import KEY, LIBRARY, codes, media_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.data.clarifai_upload.helpers import FakeClock, Uploader
    from tests.data.clarifai_upload.platform import Platform


def test_concepts_metadata_and_geo_arrive_with_the_input(
    platform: Platform, uploader: Uploader
) -> None:
    record = Record(
        url(1),
        kind="image",
        id="mine",
        annotations=(Annotation("cat"), Annotation("dog", value=0)),
        metadata={
            "source": "cam1",
            "nested": {"list": [1, None, "a"]},
            "geo": {"longitude": 13.5, "latitude": -52.25},
        },
    )

    summary = uploader([record])

    stored = platform.inputs["mine"].message
    assert states(summary) == ["uploaded"]
    assert stored.data.image.url == url(1)
    assert [(one.id, one.name, one.value) for one in stored.data.concepts] == [
        ("cat", "cat", 1.0),
        ("dog", "dog", 0.0),
    ]
    assert LIBRARY.json_format.MessageToDict(stored.data.metadata) == {
        "source": "cam1",
        "nested": {"list": [1.0, None, "a"]},
    }
    assert (stored.data.geo.geo_point.longitude, stored.data.geo.geo_point.latitude) == (
        13.5,
        -52.25,
    )


def test_every_call_carries_key_user_and_app(platform: Platform, uploader: Uploader) -> None:
    uploader([boxed(1)])

    assert {call.method for call in platform.calls} == {
        "PostInputs",
        "ListInputs",
        "PostAnnotations",
    }
    for call in platform.calls:
        assert call.headers["authorization"] == f"Key {KEY}"
        assert call.request.user_app_id.user_id == "me"
        assert call.request.user_app_id.app_id == "animals"


def test_inputs_go_in_chunks(platform: Platform, uploader: Uploader) -> None:
    summary = uploader([plain(number) for number in range(100)])

    sizes = [len(request.inputs) for request in platform.called("PostInputs")]
    assert sorted(sizes, reverse=True) == [32, 32, 32, 4]
    assert states(summary) == ["uploaded"] * 100
    assert [one.place for one in summary.outcomes] == list(range(100))
    assert sorted(one.place for one in uploader.told) == list(range(100))


def test_chunks_are_as_large_as_asked_for(platform: Platform, uploader: Uploader) -> None:
    uploader([plain(number) for number in range(130)], chunk_size=128, threads=1)

    assert [len(one.inputs) for one in platform.called("PostInputs")] == [128, 2]


def test_as_many_calls_run_at_the_same_time_as_threads(
    platform: Platform, uploader: Uploader
) -> None:
    """A barrier in the server releases the calls once all threads have made one."""
    barrier = threading.Barrier(4, timeout=60)

    def meet(request: Any, context: Any) -> None:
        barrier.wait()

    platform.faults["PostInputs"].extend([meet] * 4)

    summary = uploader([plain(number) for number in range(8)], chunk_size=2, threads=4)

    assert states(summary) == ["uploaded"] * 8


def test_regions_follow_once_the_input_is_downloaded(
    platform: Platform, uploader: Uploader, clock: FakeClock
) -> None:
    """The platform asserts that nothing is annotated earlier."""
    platform.downloads[url(1)] = [30001, 30003, 30003, 30000]
    record = Record(
        url(1),
        kind="image",
        annotations=(
            Annotation("outdoors"),
            Annotation("night", value=0),
            Annotation("person", box=Box(0.64131, 0.4883, 0.70772, 0.6732)),
            Annotation("dog", value=0, box=Box(0, 0, 1, 1)),
        ),
    )

    summary = uploader([record])

    assert states(summary) == ["uploaded"]
    posted = platform.called("PostInputs")[0].inputs[0]
    assert not posted.data.concepts, "inputs with regions go without concepts first"
    assert len(platform.called("ListInputs")) == 4
    assert clock.slept == [1.0, 1.5, 2.25]
    assert platform.regions(url(1)) == {
        (0.4883, 0.6413, 0.6732, 0.7077, "person", 1.0),
        (0, 0, 1, 1, "dog", 0.0),
    }
    assert platform.concepts(url(1)) == {("outdoors", 1.0), ("night", 0.0)}
    assert summary.num_annotations == 3


def test_annotations_go_in_batches_of_20(platform: Platform, uploader: Uploader) -> None:
    """45 regions of 3 pictures; the platform asserts that no call has more than 20."""
    records = [
        boxed(number, *(f"concept {region}" for region in range(15)), box=Box(0, 0, 0.5, 0.5))
        for number in range(3)
    ]

    summary = uploader(records)

    # neighbours with one box are one region of 15 concepts
    assert summary.num_annotations == 3
    apart = [
        Record(
            url(number),
            kind="image",
            annotations=tuple(
                Annotation("face", box=Box(0, 0, 0.5, (place + 1) / 16)) for place in range(15)
            ),
        )
        for number in range(10, 13)
    ]
    summary = uploader(apart)
    assert summary.num_annotations == 45
    assert [len(one.annotations) for one in platform.called("PostAnnotations")] == [3, 20, 20, 5]


def test_two_regions_that_say_the_same_are_two(platform: Platform, uploader: Uploader) -> None:
    summary = uploader([boxed(1, "face", "face")])

    assert summary.num_annotations == 2
    assert len(platform.annotations) == 2


def test_videos_are_sent_as_videos(platform: Platform, uploader: Uploader) -> None:
    uploader([Record("https://samples.example/a.mp4", kind="video")])

    (stored,) = platform.inputs.values()
    assert stored.message.data.HasField("video")
    assert stored.message.data.video.url == "https://samples.example/a.mp4"


def test_local_files_are_sent_as_bytes(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8 a picture")
    (tmp_path / "b c.jpg").write_bytes(b"\xff\xd8 another")
    records = [
        Record("a.jpg", kind="image", annotations=(Annotation("cat"),)),
        Record((tmp_path / "b c.jpg").as_uri(), kind="image"),
    ]

    summary = uploader(records, media_root=tmp_path)

    assert states(summary) == ["uploaded", "uploaded"]
    sent = [media_of(one) for one in platform.called("PostInputs")[0].inputs]
    assert [one.base64 for one in sent] == [b"\xff\xd8 a picture", b"\xff\xd8 another"]
    assert [one.url for one in sent] == ["", ""]


def test_a_call_has_16_mib_of_local_files_at_most(tmp_path: Path) -> None:
    """Planned only: the server library accepts 4 MiB by default."""
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(6 << 20)
    records = [Record(name, kind="image") for name in ("a.jpg", "b.jpg", "c.jpg")]
    planned = plan(records, UploadOptions(media_root=tmp_path))

    assert [len(part) for part in parts(planned.items)] == [2, 1]
    assert planned.num_bytes == 18 << 20


def test_a_message_above_the_servers_limit_is_not_tried_again(
    platform: Platform, uploader: Uploader, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "large.jpg").write_bytes(bytes(5 << 20))

    summary = uploader([Record("large.jpg", kind="image")], media_root=tmp_path)

    (outcome,) = summary.outcomes
    assert (outcome.state, outcome.status.name) == ("failed", "RESOURCE_EXHAUSTED")
    assert "larger than max" in outcome.status.text
    assert clock.slept == []


def test_files_that_cannot_be_sent_fail_alone(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "text").write_text("no picture")
    (tmp_path / "good.jpg").write_bytes(b"x")
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(1 << 30)  # takes no room on the disk
    names = ["missing.jpg", "empty.jpg", "folder.jpg", "good.jpg"]
    records = [*(Record(name, kind="image") for name in names), Record("text")]
    records.append(Record("huge.jpg", kind="image"))

    summary = uploader(records, media_root=tmp_path)

    assert states(summary) == ["failed", "failed", "failed", "uploaded", "failed", "failed"]
    texts = [one.status.text for one in summary.outcomes]
    assert "No such file" in texts[0]
    assert "is empty" in texts[1]
    assert "not a regular file" in texts[2]
    assert "neither picture" in texts[4]
    assert "1073741824 bytes" in texts[5]


def test_the_kind_of_a_local_file_is_found_in_it(
    platform: Platform, uploader: Uploader, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "unnamed"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))

    uploader([Record("unnamed")], media_root=tmp_path)

    (stored,) = platform.inputs.values()
    assert stored.message.data.HasField("audio")


def test_metadata_that_no_struct_holds_fails_alone(uploader: Uploader) -> None:
    records = [plain(1, metadata={"a": {1, 2}}), plain(2)]

    summary = uploader(records)

    assert states(summary) == ["failed", "uploaded"]
    assert "metadata cannot be sent" in summary.outcomes[0].status.text


def test_records_that_are_no_inputs_fail_and_losses_are_told(
    platform: Platform, uploader: Uploader
) -> None:
    pixels = Record(url(1), unit="pixel", annotations=(Annotation("cat", box=Box(1, 1, 9, 9)),))
    empty = Record(
        url(2), kind="image", annotations=(Annotation("cat", box=Box(0.5, 0.5, 0.5, 0.5)),)
    )

    summary = uploader([pixels, empty])

    assert states(summary) == ["failed", "uploaded"]
    assert "pixels" in summary.outcomes[0].status.text
    assert summary.outcomes[0].rest is None
    assert any("no area" in warning for warning in summary.warnings)


def test_nothing_to_upload_asks_for_nothing(platform: Platform, uploader: Uploader) -> None:
    assert uploader([]).outcomes == []
    assert platform.calls == []


def test_names_that_look_like_nothing_are_concepts(platform: Platform, uploader: Uploader) -> None:
    uploader([plain(1, "None", "NA", "null", "7")])

    assert platform.concepts(url(1)) == {("None", 1), ("NA", 1), ("null", 1), ("7", 1)}


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_waits_grow_and_jitter_stays_between_half_and_all(jitter: float) -> None:
    backoff = Backoff(first_seconds=1, factor=2, longest_seconds=30)

    waits = [backoff.delay_seconds(attempt, jitter) for attempt in range(1, 9)]

    whole = [1, 2, 4, 8, 16, 30, 30, 30]
    assert waits == [one * (0.5 + jitter / 2) for one in whole]


def test_the_codes_of_the_package_are_those_that_are_meant() -> None:
    """The package's own table names the numbers that this one goes by."""

    def named(names: str) -> set[int]:
        return {codes.Value(name) for name in names.split()}

    assert codes.Value("SUCCESS") == statuses.SUCCESS
    assert codes.Value("MIXED_STATUS") == statuses.MIXED
    assert codes.Value("INPUT_DUPLICATE") == statuses.DUPLICATE
    assert codes.Value("INPUT_DOWNLOAD_SUCCESS") == statuses.DOWNLOADED
    assert codes.Value("INPUT_DOWNLOAD_FAILED") == statuses.DOWNLOAD_FAILED
    assert named("INPUT_DOWNLOAD_PENDING INPUT_DOWNLOAD_IN_PROGRESS") == statuses.ON_ITS_WAY
    assert named("CONN_THROTTLED TRY_AGAIN") == statuses.LATER
    assert (
        named("CONN_INSUFFICIENT_SCOPES CONN_KEY_INVALID CONN_KEY_NOT_FOUND") == statuses.NO_ACCESS
    )
    for number, name in statuses.NAMES.items():
        assert codes.Value(name) == number
