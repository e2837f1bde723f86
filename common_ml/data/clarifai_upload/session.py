"""Session with the platform: calls with key, time limit and retries; shutdown of all calls."""

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
    from common_ml.data.clarifai_upload.options import UploadOptions
    from common_ml.data.clarifai_upload.retry import RetryClock

MAX_MESSAGE = 1 << 30
"""Bytes; the limit of the platform's own client."""
GIVEN_UP_IN_A_ROW = 3
"""Consecutive failed calls after which the server is taken to be unreachable."""


class CallFailed(Exception):  # noqa: N818 - caught in this package, never shown as an error
    """A call had no response, or one that refuses everything in it."""

    def __init__(self, status: Status) -> None:
        super().__init__(str(status))
        self.status = status


class UploadStopped(Exception):  # noqa: N818 - the same
    """The upload stops; unsettled items stay unsettled."""


class Session:
    """One gRPC channel for all threads."""

    def __init__(self, account: Account, options: UploadOptions, clock: RetryClock) -> None:
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
        """Why the upload stops; "" while it does not."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(self, method: str, request: Any) -> Any:
        """Call a method and return its response, even if single inputs failed.

        Args:
            method: Of the service, such as `PostInputs`.
            request: Its message; it gets user and app.

        Raises:
            CallFailed: no response, or throttled, in all attempts.
            UploadStopped: the upload ends.
        """
        request.user_app_id.CopyFrom(self.user_app_id)
        retries = self.retries()
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
            if not retries.wait():
                self._note_given_up(status)
                raise CallFailed(after_all(status, retries.attempts))

    def status(self, message: Any) -> Status:
        """Convert a status message; stop the upload where it refuses the key.

        Raises:
            UploadStopped: it does.
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

    def retries(self) -> RetryState:
        """Return the retries of one operation."""
        return RetryState(self)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless the upload stops.

        Raises:
            UploadStopped: the upload ends, perhaps before the time is over.
        """
        (self.clock.sleep or self._stopping.wait)(seconds)
        self.check()

    def check(self) -> None:
        """Raise UploadStopped when the upload stops."""
        if self._stopping.is_set():
            raise UploadStopped

    def stop(self, reason: str) -> None:
        """Cancel all calls in flight, and start no more."""
        with self._lock:
            self.stop_reason = self.stop_reason or reason
            self._stopping.set()
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    @property
    def backoff_delays(self) -> Iterator[float]:
        """The seconds to wait after each failed attempt but the last."""
        backoff = self._options.backoff
        for attempt in range(1, backoff.attempts):
            yield backoff.delay_seconds(attempt, self.clock.jitter())

    def _connected(self, address: Address) -> Any:
        grpc = self.library.grpc
        channel_options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.enable_retries", 0),  # our own retries know the platform's codes
            ("grpc.enable_http_proxy", int(not address.is_loopback)),
        ]
        if not address.encrypted:
            return grpc.insecure_channel(address.target, channel_options)
        credentials = grpc.ssl_channel_credentials(self._options.root_certificates)
        return grpc.secure_channel(address.target, credentials, channel_options)

    def _method(self, name: str) -> Any:
        """Return a method of the service. The package's stub works only on its own channels."""
        described = self.library.service.DESCRIPTOR.services_by_name["V2"].methods_by_name[name]
        answer = self.library.message_factory.GetMessageClass(described.output_type)
        return self._channel.unary_unary(
            f"/{described.containing_service.full_name}/{name}",
            request_serializer=_serialised,
            response_deserializer=answer.FromString,
        )

    def _send(self, method: str, request: Any) -> Any:
        with self._under_way(method, request) as call:
            try:
                return call.result()
            except self.library.grpc.FutureCancelledError as error:
                raise UploadStopped from error  # `stop` alone cancels
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
        # a message above the server's limit fails again
        return status.name in statuses.GRPC_LATER and "larger than max" not in status.text

    def _refuse(self, status: Status) -> None:
        self.stop(
            f"the key is refused: {status}. Check the key (--key, CLARIFAI_PAT), its scopes, "
            "and the user and app it is for"
        )
        raise UploadStopped

    def _note_given_up(self, status: Status) -> None:
        if status.name not in statuses.GRPC_NO_CONTACT:
            return
        with self._lock:
            self._given_up += 1
            gone = self._given_up >= GIVEN_UP_IN_A_ROW
        if gone:
            self.stop(f"the server does not answer any more: {status}")


class RetryState:
    """The attempts of one operation, and the delays between them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._delays = session.backoff_delays
        self.attempts = 1
        """Number of attempts, including the current one."""

    def wait(self) -> bool:
        """Sleep until the next attempt is due; False if none is left.

        Raises:
            UploadStopped: the upload ends.
        """
        delay = next(self._delays, None)
        if delay is None:
            return False
        self._session.sleep(delay)
        self.attempts += 1
        return True


def _serialised(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def after_all(status: Status, attempts: int) -> Status:
    """Return the last status with the number of attempts."""
    prefix = f"{status.text}, " if status.text else ""
    return Status(status.code, status.name, f"{prefix}after {attempts} attempts")
