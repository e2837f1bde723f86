"""Status codes and connection failures: which are retried, which stop the upload."""

from __future__ import annotations

import logging
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.data.clarifai_upload import (
    Account,
    Address,
    Backoff,
    RetryClock,
    Status,
    UploadOptions,
    upload,
)
from common_ml.data.record import Annotation, Box, Record
from common_ml.errors import UploadError
from tests.data.clarifai_upload.helpers import BOX, Uploader, boxed, plain, reasons, states, url
from tests.data.clarifai_upload.platform import (
    KEY,
    LIBRARY,
    Platform,
    abort,
    after_taking,
    codes,
    failure,
    serve,
)

if TYPE_CHECKING:
    from tests.data.clarifai_upload.helpers import FakeClock
    from tests.data.clarifai_upload.platform import Server

upload_module = import_module("common_ml.data.clarifai_upload.upload")
"""The module; the package has a function of the same name."""
TRANSIENT = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL"]
METHODS = ["PostInputs", "ListInputs", "PostAnnotations"]


@pytest.mark.parametrize("name", TRANSIENT)
@pytest.mark.parametrize("method", METHODS)
def test_transient_failures_are_tried_again_after_growing_waits(
    platform: Platform, uploader: Uploader, clock: FakeClock, method: str, name: str
) -> None:
    platform.faults[method].extend([abort(name)] * 3)

    summary = uploader([boxed(1)])

    assert states(summary) == ["uploaded"]
    assert clock.slept == [1, 2, 4]
    assert len(platform.called(method)) == 4
    assert platform.regions(url(1)) == {(0.125, 0.25, 0.5, 0.75, "face", 1)}


@pytest.mark.parametrize("code", [11005, 10030], ids=["CONN_THROTTLED", "TRY_AGAIN"])
@pytest.mark.parametrize("method", METHODS)
def test_throttled_calls_are_tried_again(
    platform: Platform, uploader: Uploader, clock: FakeClock, method: str, code: int
) -> None:
    platform.faults[method].extend([failure(code)] * 2)

    assert states(uploader([boxed(1)])) == ["uploaded"]
    assert clock.slept == [1, 2]


def test_retries_end(platform: Platform, uploader: Uploader, clock: FakeClock) -> None:
    """The first chunk stays throttled; the second goes through."""
    platform.faults["PostInputs"].extend([failure(11005)] * 6)

    summary = uploader([plain(1), plain(2)], chunk_size=1, threads=1)

    assert states(summary) == ["failed", "uploaded"]
    assert str(summary.outcomes[0].status) == (
        "CONN_THROTTLED (11005): Conn throttled, after 6 attempts"
    )
    assert clock.slept == [1, 2, 4, 8, 16]


def test_a_throttled_input_goes_again_without_the_others(
    platform: Platform, uploader: Uploader, clock: FakeClock
) -> None:
    platform.throttled[url(2)] = 2

    summary = uploader([plain(1), plain(2), plain(3)])

    assert states(summary) == ["uploaded"] * 3
    sent = [
        [one.data.image.url for one in request.inputs] for request in platform.called("PostInputs")
    ]
    assert sent == [[url(1), url(2), url(3)], [url(2)], [url(2)]]
    assert clock.slept == [1, 2]


def test_an_input_that_stays_throttled_fails(platform: Platform, uploader: Uploader) -> None:
    platform.throttled[url(1)] = 99

    summary = uploader([plain(1), plain(2)], backoff=Backoff(attempts=3))

    assert states(summary) == ["failed", "uploaded"]
    assert reasons(summary)[0] == "CONN_THROTTLED"
    assert len(platform.called("PostInputs")) == 3


NO_ACCESS = ["CONN_INSUFFICIENT_SCOPES", "CONN_KEY_INVALID", "CONN_KEY_NOT_FOUND"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [*NO_ACCESS, "UNAUTHENTICATED", "PERMISSION_DENIED"])
def test_a_refused_key_stops_all_at_once(
    platform: Platform, uploader: Uploader, clock: FakeClock, method: str, name: str
) -> None:
    fault = failure(codes.Value(name)) if name in NO_ACCESS else abort(name)
    platform.faults[method].append(fault)

    summary = uploader([boxed(number) for number in range(5)], chunk_size=1, threads=1)

    assert states(summary) == ["unfinished"] * 5
    assert reasons(summary)[1:] == ["NOT_SENT"] * 4
    assert name in summary.stopped
    assert "--key" in summary.stopped
    assert len(platform.called("PostInputs")) == 1
    assert clock.slept == []
    assert [one.rest.url for one in summary.failed if one.rest] == [url(n) for n in range(5)]


def test_a_refused_key_wakes_those_who_wait(server: Server) -> None:
    """One thread sleeps for an hour before its next attempt, another gets a fatal status."""
    platform = server.platform
    asleep = threading.Event()

    def jitter() -> float:
        asleep.set()
        return 1.0

    def refuse(request: Any, context: Any) -> Any:
        assert asleep.wait(60)
        return failure(11008)(request, context)

    platform.faults["PostInputs"].extend([failure(11005), refuse])
    summary = upload(
        [plain(1), plain(2)],
        Account(KEY, "me", "animals"),
        UploadOptions(
            base=server.base,
            chunk_size=1,
            threads=2,
            backoff=Backoff(first_seconds=3600, longest_seconds=3600),
        ),
        clock=RetryClock(jitter=jitter),
    )

    assert states(summary) == ["unfinished"] * 2
    assert "CONN_KEY_INVALID" in summary.stopped


OTHERS = [
    "FAILURE",
    "INPUT_INVALID_ARGUMENT",
    "CONN_EXCEED_MONTHLY_LIMIT",
    "CONN_BAD_REQUEST_FORMAT",
]


@pytest.mark.parametrize("name", [*OTHERS, "INVALID_ARGUMENT", "UNIMPLEMENTED", "NOT_FOUND"])
def test_other_failures_of_a_chunk_are_recorded_and_the_next_goes_on(
    platform: Platform, uploader: Uploader, clock: FakeClock, name: str
) -> None:
    fault = failure(codes.Value(name), "why") if name in OTHERS else abort(name, "why")
    platform.faults["PostInputs"].append(fault)

    summary = uploader([plain(number) for number in range(4)], chunk_size=2, threads=1)

    assert states(summary) == ["failed", "failed", "uploaded", "uploaded"]
    assert reasons(summary)[:2] == [name, name]
    assert "why" in summary.outcomes[0].status.text
    assert summary.stopped == ""
    assert clock.slept == []


def test_a_code_that_nobody_knows_is_recorded(platform: Platform, uploader: Uploader) -> None:
    def answer(request: Any, context: Any) -> Any:
        made = failure(10020)(request, context)
        made.status.code = 98765
        return made

    platform.faults["PostInputs"].append(answer)

    (outcome,) = uploader([plain(1)]).outcomes

    assert (outcome.state, outcome.status.code) == ("failed", 98765)


def test_each_input_of_an_answer_is_looked_at(platform: Platform, uploader: Uploader) -> None:
    """The chunk as a whole is MIXED_STATUS, and only two of its four inputs are bad."""
    platform.refused = {url(1): 30104, url(3): 30106}

    summary = uploader([plain(number) for number in range(4)])

    assert states(summary) == ["uploaded", "failed", "uploaded", "failed"]
    assert reasons(summary)[1::2] == ["INPUT_INVALID_ARGUMENT", "INPUT_INVALID_URL"]
    assert [one.rest.id for one in summary.failed if one.rest] == ["", ""]


def test_answers_are_matched_by_id_whatever_their_order(
    platform: Platform, uploader: Uploader
) -> None:
    platform.refused = {url(0): 30104}

    def backwards(request: Any, context: Any) -> Any:
        with platform._lock:
            answer = platform._post_inputs(request)
        turned = list(reversed(answer.inputs))
        return LIBRARY.service.MultiInputResponse(status=answer.status, inputs=turned)

    platform.faults["PostInputs"].append(backwards)

    assert states(uploader([plain(0), plain(1), plain(2)])) == ["failed", "uploaded", "uploaded"]


def test_answers_without_ids_are_matched_by_place(platform: Platform, uploader: Uploader) -> None:
    platform.refused = {url(1): 30104}

    def nameless(request: Any, context: Any) -> Any:
        with platform._lock:
            answer = platform._post_inputs(request)
        for one in answer.inputs:
            one.ClearField("id")
        return answer

    platform.faults["PostInputs"].append(nameless)

    assert states(uploader([plain(0), plain(1), plain(2)])) == ["uploaded", "failed", "uploaded"]


def test_an_answer_that_lists_no_inputs_is_checked_against_the_list(
    platform: Platform, uploader: Uploader
) -> None:
    """MIXED_STATUS without a status per input: only the list shows which exist."""
    platform.refused = {url(1): 30104}
    platform.lists_statuses = False

    summary = uploader([plain(0), plain(1), plain(2)], wait_seconds=5)

    assert states(summary) == ["uploaded", "pending", "uploaded"]


def test_slow_downloads_are_waited_for_until_the_time_is_over(
    platform: Platform, uploader: Uploader, clock: FakeClock
) -> None:
    platform.downloads[url(1)] = [30003]
    platform.downloads[url(2)] = [30001] * 5 + [30000]

    summary = uploader([boxed(1), boxed(2), boxed(3)], wait_seconds=60)

    assert states(summary) == ["pending", "uploaded", "uploaded"]
    outcome = summary.outcomes[0]
    assert str(outcome.status) == ("INPUT_DOWNLOAD_IN_PROGRESS (30003): not downloaded within 60 s")
    assert sum(clock.slept) == 60
    assert max(clock.slept) == 10
    assert outcome.rest is not None
    assert outcome.rest.id == outcome.input_id, "uploaded again, it is found by its id"
    assert len(outcome.rest.regions) == 1


def test_no_time_to_wait_looks_once(
    platform: Platform, uploader: Uploader, clock: FakeClock
) -> None:
    platform.downloads[url(1)] = [30001]

    summary = uploader([plain(1), plain(2)], wait_seconds=0)

    assert states(summary) == ["pending", "uploaded"]
    assert len(platform.called("ListInputs")) == 1
    assert clock.slept == []


def test_failed_downloads_are_told_and_removed(platform: Platform, uploader: Uploader) -> None:
    """An input without media would refuse the next attempt under its id and address."""
    platform.downloads[url(1)] = [30001, 30002]
    records = [boxed(1), boxed(2)]

    summary = uploader(records)

    assert states(summary) == ["failed", "uploaded"]
    assert reasons(summary)[0] == "INPUT_DOWNLOAD_FAILED"
    assert list(platform.by_url()) == [url(2)]

    platform.downloads.clear()
    assert states(uploader(records[:1])) == ["uploaded"]


def test_failed_downloads_that_cannot_be_removed_are_told(
    platform: Platform, uploader: Uploader
) -> None:
    platform.downloads[url(1)] = [30002]
    platform.faults["DeleteInputs"].append(abort("UNIMPLEMENTED"))

    (outcome,) = uploader([plain(1)]).outcomes

    assert outcome.state == "failed"
    assert "it is still there" in outcome.status.text
    assert outcome.input_id in platform.inputs


def test_media_of_unusable_kinds_fail_while_they_are_waited_for(
    platform: Platform, uploader: Uploader
) -> None:
    platform.downloads[url(1)] = [30003, 30101]

    summary = uploader([plain(1), plain(2)])

    assert reasons(summary) == ["INPUT_UNSUPPORTED_FORMAT", "SUCCESS"]


def test_a_list_that_fails_leaves_the_inputs_there(platform: Platform, uploader: Uploader) -> None:
    """Nothing is known of them, so nothing is deleted, and the next attempt finds them."""
    platform.faults["ListInputs"].append(failure(10020))

    summary = uploader([boxed(1)])

    assert states(summary) == ["failed"]
    assert list(platform.by_url()) == [url(1)]
    assert states(uploader([boxed(1)])) == ["uploaded"]


def test_inputs_are_found_on_later_pages(platform: Platform, uploader: Uploader) -> None:
    """By a server that lists all it has, whatever it is asked for."""
    uploader([plain(number) for number in range(10, 15)])
    listed = platform._list_inputs

    def list_all(request: Any) -> Any:
        request.ids[:] = list(platform.inputs)
        return listed(request)

    platform._list_inputs = list_all  # type: ignore[method-assign] # another kind of server

    assert states(uploader([boxed(1), plain(2)])) == ["uploaded", "uploaded"]
    pages = [request.page for request in platform.called("ListInputs")]
    assert pages == [1, 1, 2, 3, 4]


# ---- duplicates


def test_an_address_that_is_there_under_another_id_is_a_duplicate(
    platform: Platform, uploader: Uploader
) -> None:
    uploader([plain(1, id="theirs")])

    summary = uploader([boxed(1), plain(2)])

    assert states(summary) == ["duplicate", "uploaded"]
    assert summary.failed == []
    assert platform.annotations == {}


def test_duplicates_can_count_as_failed(uploader: Uploader) -> None:
    uploader([plain(1, id="theirs")])

    (outcome,) = uploader([plain(1)], duplicates="fail").outcomes

    assert (outcome.state, outcome.status.name) == ("failed", "INPUT_DUPLICATE")
    assert outcome.rest is not None


def test_duplicates_can_be_uploaded_once_more(platform: Platform, uploader: Uploader) -> None:
    uploader([plain(1)])

    summary = uploader([plain(1), plain(1)], duplicates="allow")

    assert states(summary) == ["uploaded", "uploaded"]
    assert len(platform.inputs) == 3


def test_the_same_upload_again_changes_nothing(platform: Platform, uploader: Uploader) -> None:
    records = [plain(1), boxed(2, "face", "face"), plain(3, id="mine")]
    uploader(records)
    before = (list(platform.inputs), list(platform.annotations))

    summary = uploader(records)

    assert states(summary) == ["duplicate"] * 3
    assert summary.num_annotations == 0
    assert (list(platform.inputs), list(platform.annotations)) == before


def test_what_was_added_to_a_record_is_added_there(platform: Platform, uploader: Uploader) -> None:
    uploader([plain(1, "cat"), boxed(2, "face")])

    summary = uploader([plain(1, "cat", "dog"), boxed(2, "face", box=Box(0, 0, 1, 1))])

    assert states(summary) == ["uploaded", "uploaded"]
    assert summary.num_annotations == 2
    assert platform.concepts(url(1)) == {("cat", 1), ("dog", 1)}
    assert len(platform.regions(url(2))) == 2


def test_an_id_that_belongs_to_another_picture_is_left_alone(
    platform: Platform, uploader: Uploader
) -> None:
    uploader([plain(1, id="mine")])

    (outcome,) = uploader([boxed(2, id="mine")]).outcomes

    assert outcome.state == "failed"
    assert url(1) in outcome.status.text
    assert platform.annotations == {}


def test_one_media_twice_in_an_upload_goes_once(platform: Platform, uploader: Uploader) -> None:
    summary = uploader([plain(1), plain(1)])

    assert sorted(states(summary)) == ["duplicate", "uploaded"]
    assert len(platform.inputs) == 1


def test_one_id_twice_in_an_upload_is_an_error(platform: Platform, uploader: Uploader) -> None:
    summary = uploader([plain(1, id="same"), plain(2, id="same")])

    assert sorted(reasons(summary)) == ["ID_TWICE", "SUCCESS"]


@pytest.mark.parametrize("method", ["PostInputs", "PostAnnotations"])
def test_a_lost_answer_makes_no_duplicates(
    platform: Platform, uploader: Uploader, method: str
) -> None:
    """The platform has done it, and the second attempt finds it done."""
    platform.faults[method].append(after_taking(platform, method, "DEADLINE_EXCEEDED"))

    summary = uploader([boxed(1), boxed(2), plain(3)])

    assert len(platform.inputs) == 3
    assert len(platform.annotations) == 2
    assert summary.failed == []


# ---- annotations


def test_a_refused_annotation_leaves_only_itself_to_be_done(
    platform: Platform, uploader: Uploader
) -> None:
    platform.refused_concepts = {"bad": 24155}
    whole = (Annotation("outdoors"),)
    good = Annotation("good", box=BOX)
    bad = Annotation("bad", box=Box(0, 0, 1, 1))
    records = [Record(url(1), kind="image", annotations=(*whole, good, bad)), boxed(2)]

    summary = uploader(records)

    assert states(summary) == ["failed", "uploaded"]
    outcome = summary.outcomes[0]
    assert outcome.status.name == "ANNOTATION_INVALID_ARGUMENT"
    assert outcome.rest is not None
    assert outcome.rest.concepts == {}
    assert [region.concepts for region in outcome.rest.regions] == [{"bad": 1}]
    assert outcome.rest.id == outcome.input_id
    assert summary.num_annotations == 3


@pytest.mark.parametrize("fault", [failure(10020), abort("INVALID_ARGUMENT")])
def test_a_call_of_annotations_that_fails_leaves_all_of_it_to_be_done(
    platform: Platform, uploader: Uploader, fault: Any
) -> None:
    platform.faults["PostAnnotations"].append(fault)

    summary = uploader([boxed(1), plain(2)])

    assert states(summary) == ["failed", "uploaded"]
    assert platform.annotations == {}


def test_throttled_annotations_go_again_alone(platform: Platform, uploader: Uploader) -> None:
    def throttle_one(request: Any, context: Any) -> Any:
        platform.refused_concepts = {"slow": 11005}
        with platform._lock:
            answer = platform._post_annotations(request)
        platform.refused_concepts = {}
        return answer

    platform.faults["PostAnnotations"].append(throttle_one)

    summary = uploader([boxed(1, "quick"), boxed(2, "slow")])

    assert states(summary) == ["uploaded", "uploaded"]
    assert [len(one.annotations) for one in platform.called("PostAnnotations")] == [2, 1]


def test_an_annotation_that_stays_throttled_fails(platform: Platform, uploader: Uploader) -> None:
    platform.refused_concepts = {"slow": 11005}

    summary = uploader([boxed(1, "quick"), boxed(2, "slow")], backoff=Backoff(attempts=3))

    assert states(summary) == ["uploaded", "failed"]
    assert "after 3 attempts" in summary.outcomes[1].status.text
    assert [len(one.annotations) for one in platform.called("PostAnnotations")] == [2, 1, 1]


@pytest.mark.parametrize("details", ["duplicate id", "Annotation already exists"])
def test_annotations_that_are_there_are_known_by_words_too(
    platform: Platform, uploader: Uploader, details: str
) -> None:
    platform.faults["PostAnnotations"].append(failure(24155, details))

    assert states(uploader([boxed(1)])) == ["uploaded"]


# ---- the server


def test_a_server_that_dies_in_the_middle(server: Server, uploader: Uploader) -> None:
    """Two chunks are done; the third one's call ends the server."""
    platform = server.platform

    def die(request: Any, context: Any) -> None:
        server.grpc_server.stop(None)

    platform.faults["PostInputs"].extend([lambda *_: None, lambda *_: None, die])

    summary = uploader([boxed(number) for number in range(20)], chunk_size=2, threads=1)

    assert states(summary)[:4] == ["uploaded"] * 4
    assert set(states(summary)[4:]) == {"failed", "unfinished"}
    assert "does not answer any more" in summary.stopped
    assert [one.rest.url for one in summary.failed if one.rest] == [url(n) for n in range(4, 20)]

    again = serve(Platform(inputs=platform.inputs, annotations=platform.annotations))
    try:
        rest = [summary.outcomes[place].record for place in range(4, 20)]
        assert set(states(Uploader(again.base, uploader.clock)(rest))) == {"uploaded"}
    finally:
        again.die()
    assert len(platform.inputs) == 20
    assert len(platform.annotations) == 20


def test_a_server_that_fails_now_and_then_is_not_gone(
    platform: Platform, uploader: Uploader
) -> None:
    platform.faults["PostInputs"].extend([abort("UNAVAILABLE"), lambda *_: None] * 4)

    summary = uploader(
        [plain(number) for number in range(8)],
        chunk_size=1,
        threads=1,
        backoff=Backoff(attempts=1),
    )

    assert states(summary) == ["failed", "uploaded"] * 4
    assert summary.stopped == ""


def test_nobody_at_the_address(clock: FakeClock, server: Server) -> None:
    server.die()

    summary = Uploader(server.base, clock)(
        [plain(number) for number in range(200)], chunk_size=2, threads=3
    )

    assert set(states(summary)) == {"failed", "unfinished"}
    assert "does not answer" in summary.stopped
    assert len(clock.slept) <= 5 * 6, "it does not try each of the 100 chunks"


def test_a_fault_of_ours_ends_the_upload_with_its_error(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(upload_module, "upload_chunk", fail)
    with pytest.raises(ZeroDivisionError, match="ours"):
        uploader([plain(number) for number in range(100)], chunk_size=1)


# ---- the key


def test_the_key_is_never_told(
    platform: Platform,
    uploader: Uploader,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Servers that repeat it, refusals, objects that are printed, and all loggers at DEBUG."""
    caplog.set_level(logging.DEBUG)
    platform.faults["PostInputs"].extend(
        [
            failure(10020, f"bad token {KEY}"),
            abort("INVALID_ARGUMENT", f"header Key {KEY}"),
            failure(11008, f"{KEY} is invalid"),
        ]
    )

    summary = uploader([plain(number) for number in range(4)], chunk_size=1, threads=1)

    captured = capfd.readouterr()
    told = [repr(summary), caplog.text, captured.out, captured.err]
    told += [str(one.status) for one in summary.outcomes]
    told += [repr(Account(KEY, "me", "animals"))]
    assert "***" in summary.stopped
    assert not any(KEY in text for text in told)


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "schlüssel"])
def test_keys_that_no_header_carries_are_refused_untold(key: str) -> None:
    with pytest.raises(UploadError, match="the key") as caught:
        Account(key, "me", "animals")
    if key.strip():
        assert key not in str(caught.value)


@pytest.mark.parametrize(("user", "app"), [("", "animals"), ("me", " ")])
def test_user_and_app_are_needed(user: str, app: str) -> None:
    with pytest.raises(UploadError, match=r"CLARIFAI_(USER|APP)_ID"):
        Account(KEY, user, app)


def test_options_are_checked() -> None:
    for wrong in (
        {"chunk_size": 0},
        {"chunk_size": 129},
        {"threads": 0},
        {"wait_seconds": -1},
        {"call_timeout_seconds": 0},
        {"duplicates": "perhaps"},
    ):
        with pytest.raises(UploadError, match=f"{next(iter(wrong))} must be"):
            UploadOptions(**wrong)
    with pytest.raises(UploadError, match="attempts"):
        Backoff(attempts=0)


# ---- addresses


@pytest.mark.parametrize(
    ("base", "target", "encrypted"),
    [
        ("api.clarifai.com", "api.clarifai.com:443", True),
        ("https://api.clarifai.com/", "api.clarifai.com:443", True),
        ("on.premises:8443", "on.premises:8443", True),
        ("127.0.0.1:9000", "127.0.0.1:9000", True),
        ("http://127.0.0.1:9000", "127.0.0.1:9000", False),
        ("http://localhost:9000", "localhost:9000", False),
        ("http://[::1]:9000", "[::1]:9000", False),
    ],
)
def test_addresses(base: str, target: str, encrypted: bool) -> None:
    address = Address.parse(base)

    assert (address.target, address.encrypted) == (target, encrypted)


@pytest.mark.parametrize(
    "base",
    [
        "http://api.clarifai.com",
        "http://10.0.0.1:80",
        "http://localhost.example:80",
        "ftp://127.0.0.1",
        "",
        "host:99999",
        "host:0",
        "https://host/path",
        "https://user@host",
    ],
)
def test_addresses_that_are_refused(base: str) -> None:
    with pytest.raises(UploadError, match="address"):
        Address.parse(base)


def test_a_status_reads_as_a_sentence() -> None:
    assert str(Status(30100, "INPUT_DUPLICATE", "x")) == "INPUT_DUPLICATE (30100): x"
    assert str(Status(0, "UNAVAILABLE")) == "UNAVAILABLE"
