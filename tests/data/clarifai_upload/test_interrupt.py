"""Ctrl-C: what was done is reported, and the rest is in the outcomes."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import Account, UploadOptions, upload
from tests.data.clarifai_upload.helpers import boxed, states
from tests.data.clarifai_upload.platform import KEY

if TYPE_CHECKING:
    from tests.data.clarifai_upload.helpers import Uploader
    from tests.data.clarifai_upload.platform import Platform, Server


def interrupt(*_: Any) -> None:
    """As Ctrl-C does it to this process."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_ctrl_c_ends_calls_under_way_and_the_rest_is_told(
    platform: Platform, uploader: Uploader
) -> None:
    """The third chunk's call would never be answered; its end is the client's doing."""
    ended, told = threading.Event(), threading.Event()
    noticed = []

    def hang(request: Any, context: Any) -> None:
        context.add_callback(ended.set)
        interrupt()
        noticed.append(ended.wait(60))
        told.set()

    platform.faults["PostInputs"].extend([lambda *_: None, lambda *_: None, hang])

    summary = uploader([boxed(number) for number in range(10)], chunk_size=2, threads=1)

    assert told.wait(60)
    assert noticed == [True], "the call ended while its handler hung"
    assert summary.interrupted
    assert states(summary) == ["uploaded"] * 4 + ["unfinished"] * 6
    assert [one.status.name for one in summary.outcomes[4:]] == ["NO_ANSWER"] * 2 + ["NOT_SENT"] * 4
    assert sorted(one.place for one in uploader.told) == list(range(10))

    rest = [summary.outcomes[place].record for place in range(4, 10)]
    assert states(uploader(rest)) == ["uploaded"] * 6
    assert len(platform.inputs) == len(platform.annotations) == 10


def test_ctrl_c_wakes_who_waits_for_downloads(server: Server) -> None:
    """Real sleeps of an hour end at once."""
    platform = server.platform
    platform.downloads["https://samples.example/1.jpg"] = [30003]
    looked = threading.Event()
    listed = platform._list_inputs

    def look(request: Any) -> Any:
        answer = listed(request)
        if not looked.is_set():
            looked.set()
            interrupt()
        return answer

    platform._list_inputs = look  # type: ignore[method-assign] # listens in

    summary = upload(
        [boxed(1)],
        Account(KEY, "me", "animals"),
        UploadOptions(base=server.base, wait_seconds=3600),
    )

    assert summary.interrupted
    assert states(summary) == ["unfinished"]
    assert summary.outcomes[0].input_id
