"""Calls to the platform: each with the key, a time limit, retries; and how all of them end."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload import library, statuses
from common_ml.data.clarifai_upload.address import Address
from common_ml.data.clarifai_upload.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.clarifai_upload.account import Account
    from common_ml.data.clarifai_upload.options import Options
    from common_ml.data.clarifai_upload.retry import Clock

LARGEST_MESSAGE = 1 << 30
"""Bytes; what the platform's own client allows."""
GIVEN_UP_IN_A_ROW = 3
"""So many calls after which the server is taken to be gone: not one call got through meanwhile."""


class CallFailed(Exception):  # noqa: N818 - caught in this package, never told as an error
    """A call had no answer, or one that says no for all that was in it."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


class Stopped(Exception):  # noqa: N818 - the same
    """The upload ends; what is not settled stays so."""


class Session:
    """One connection for all threads."""

    def __init__(self, account: Account, options: Options, clock: Clock) -> None:
        self.library = library.load()
        self.clock = clock
        self.user_app_id = self.library.resources.UserAppIDSet(
            user_id=account.user_id, app_id=account.app_id
        )
        self._account = account
        self._options = options
        self._channel = self._connected(Address.parse(options.base))
        self._lock = threading.Lock()
        self._calls: set[Any] = set()
        self._given_up = 0
        self._stopping = threading.Event()
        self.stop_reason = ""
        """Why everything stops; "" while it does not."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(self, method: str, request: Any) -> Any:
        """The answer to a request, whatever it says of the single inputs.

        Args:
            method: Of the service, such as `PostInputs`.
            request: Its message; it gets user and app.

        Raises:
            CallFailed: no answer came, or it stayed throttled, in all attempts.
            Stopped: the upload ends.
        """
        request.user_app_id.CopyFrom(self.user_app_id)
        patience = self.patience()
        while True:
            try:
                answer = self._send(method, request)
            except self.library.grpc.RpcError as error:
                status = self._grpc_status(error)
                if not self._is_for_later(status):
                    raise CallFailed(status) from error
            else:
                self._given_up = 0
                status = self.status(answer.status)
                if status.code not in statuses.LATER:
                    return answer
            if not patience.wait():
                self._note_given_up(status)
                raise CallFailed(after_all(status, patience.attempts))

    def status(self, message: Any) -> Status:
        """What a status message says; stops everything where it refuses the key.

        Raises:
            Stopped: it does.
        """
        codes = self.library.codes.StatusCode
        known = message.code in codes.values()
        usual = codes.Name(message.code) if known else "UNKNOWN_CODE"
        name = statuses.NAMES.get(message.code, usual)
        texts = dict.fromkeys(text for text in (message.description, message.details) if text)
        status = Status(message.code, name, self._account.redacted(": ".join(texts)))
        if status.code in statuses.NO_ACCESS:
            self._refuse(status)
        return status

    def patience(self) -> Patience:
        """The waits of something that is tried again."""
        return Patience(self)

    def sleep(self, seconds: float) -> None:
        """Waits.

        Raises:
            Stopped: the upload ends, perhaps before the time is over.
        """
        (self.clock.sleep or self._stopping.wait)(seconds)
        self.check()

    def check(self) -> None:
        """Raises Stopped when the upload ends."""
        if self._stopping.is_set():
            raise Stopped

    def stop(self, reason: str) -> None:
        """Ends all calls that are under way, and lets none begin."""
        with self._lock:
            self.stop_reason = self.stop_reason or reason
            self._stopping.set()
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    @property
    def backoff_delays(self) -> Iterator[float]:
        """Seconds to wait after each failed attempt but the last."""
        backoff = self._options.backoff
        for attempt in range(1, backoff.attempts):
            yield backoff.delay_seconds(attempt, self.clock.luck())

    def _connected(self, address: Address) -> Any:
        grpc = self.library.grpc
        channel_options = [
            ("grpc.max_receive_message_length", LARGEST_MESSAGE),
            ("grpc.max_send_message_length", LARGEST_MESSAGE),
            ("grpc.enable_retries", 0),  # ours know the platform's own codes
            ("grpc.enable_http_proxy", int(not address.is_loopback)),
        ]
        if not address.encrypted:
            return grpc.insecure_channel(address.target, channel_options)
        credentials = grpc.ssl_channel_credentials(self._options.root_certificates)
        return grpc.secure_channel(address.target, credentials, channel_options)

    def _method(self, name: str) -> Any:
        """A method of the service. The package's own stub works only on the package's channels."""
        described = self.library.service.DESCRIPTOR.services_by_name["V2"].methods_by_name[name]
        answer = self.library.message_factory.GetMessageClass(described.output_type)
        return self._channel.unary_unary(
            f"/{described.containing_service.full_name}/{name}",
            request_serializer=_serialized,
            response_deserializer=answer.FromString,
        )

    def _send(self, method: str, request: Any) -> Any:
        with self._under_way(method, request) as call:
            try:
                return call.result()
            except self.library.grpc.FutureCancelledError as error:
                raise Stopped from error  # `stop` alone cancels
            except self.library.grpc.RpcError:
                self.check()
                raise

    @contextmanager
    def _under_way(self, method: str, request: Any) -> Iterator[Any]:
        with self._lock:
            self.check()  # in here: a call that begins after `stop` would not be cancelled
            call = self._method(method).future(
                request,
                timeout=self._options.call_timeout_seconds,
                metadata=self._account.headers,
            )
            self._calls.add(call)
        try:
            yield call
        finally:
            with self._lock:
                self._calls.discard(call)

    def _grpc_status(self, error: Any) -> Status:
        name = error.code().name
        status = Status(0, name, self._account.redacted(error.details() or ""))
        if name in statuses.GRPC_NO_ACCESS:
            self._refuse(status)
        return status

    def _is_for_later(self, status: Status) -> bool:
        # a message above the server's limit is as large the next time
        return status.name in statuses.GRPC_LATER and "larger than max" not in status.text

    def _refuse(self, status: Status) -> None:
        self.stop(
            f"the key is refused: {status}. Check the key (--key, CLARIFAI_PAT), its scopes, "
            "and the user and app it is for"
        )
        raise Stopped

    def _note_given_up(self, status: Status) -> None:
        if status.name not in statuses.GRPC_NO_CONTACT:
            return
        with self._lock:
            self._given_up += 1
            gone = self._given_up >= GIVEN_UP_IN_A_ROW
        if gone:
            self.stop(f"the server does not answer any more: {status}")


class Patience:
    """The attempts at one thing, and the waits between them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._delays = session.backoff_delays
        self.attempts = 1
        """Made, with the one under way."""

    def wait(self) -> bool:
        """Sleeps until the next attempt is due; False if there is none left.

        Raises:
            Stopped: the upload ends.
        """
        delay = next(self._delays, None)
        if delay is None:
            return False
        self._session.sleep(delay)
        self.attempts += 1
        return True


def _serialized(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def after_all(status: Status, attempts: int) -> Status:
    """The last answer of many."""
    told = f"{status.text}, " if status.text else ""
    return Status(status.code, status.name, f"{told}after {attempts} attempts")
