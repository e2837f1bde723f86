"""HTTP client of the service: retries requests where that is safe, raises errors."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from common_ml.backoff import Backoff
from common_ml.errors import ServiceError
from common_ml.service.client.sending import send_file
from common_ml.service.client.values import FileInfo, Prediction, Submitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

_RETRY = Backoff(attempts=6, first_seconds=0.5, longest_seconds=10)
_RETRIED = frozenset({429, 502, 503, 504})
_BATCH = 500
"""Maximum number of predictions per request."""
_WAIT_SECONDS = 20
_REPORT_SECONDS = 2


class Client:
    """A client of one service; a context manager.

        with Client("http://127.0.0.1:8000", token="cml_...") as client:
            file = client.upload("clip.mp4")
            submitted = client.predict([file], ["ocr"], params={"fps": 2})
            for prediction in client.wait(submitted.ids):
                print(prediction.state, client.tags(prediction.id))

    Connection errors and overload are retried with exponential back-off.

    Args:
        url: Address of the service.
        token: A bearer token or API key.
        timeout_seconds: Time limit of one response.
        retry: Delays between attempts.
        transport: Another transport, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout_seconds: float = 60.0,
        retry: Backoff = _RETRY,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"user-agent": "common-ml", "accept": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            self._http = httpx.Client(
                base_url=url.rstrip("/"),
                headers=headers,
                timeout=timeout_seconds,
                transport=transport,
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ServiceError(f"not an address: {url!r}", url=url) from error
        self._retry = retry

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def login(self, username: str, password: str) -> str:
        """Log in by name and password; return the token, which this client uses from now on.

        Raises:
            ServiceError: the service cannot be reached, or refuses.
        """
        form = {"username": username, "password": password, "grant_type": "password"}
        token = str(self.request("POST", "/auth/login", data=form).json()["access_token"])
        self._http.headers["authorization"] = f"Bearer {token}"
        return token

    def models(self) -> list[dict[str, Any]]:
        """Return the models, as the service describes them.

        Raises:
            ServiceError: the service cannot be reached, or refuses.
        """
        return list(self._pages("/v1/models"))

    def upload(
        self,
        path: StrPath,
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> FileInfo:
        """Upload a file unless the service has it already.

        An interrupted upload is resumed at its offset, also after a restart of this program or of
        the service.

        Args:
            path: The file.
            on_progress: Called with bytes sent and bytes in all.

        Raises:
            ServiceError: the service cannot be reached, or refuses.
            OSError: the file cannot be read.
        """
        return send_file(self, path, on_progress=on_progress, retry=self._retry)

    def predict(
        self,
        files: Sequence[FileInfo | str],
        models: Sequence[str],
        *,
        params: Mapping[str, Any] | None = None,
        priority: int = 0,
        force: bool = False,
    ) -> Submitted:
        """Ask for predictions of every file with every model; return at once.

        Args:
            files: Uploaded files, or their SHA-256.
            models: Names of models.
            params: Params of the models.
            priority: Higher ones are begun first.
            force: Whether to predict again what is done.

        Raises:
            ServiceError: the service cannot be reached, or refuses.
        """
        hashes = [file if isinstance(file, str) else file.sha256 for file in files]
        found: list[Prediction] = []
        for start in range(0, len(hashes), _BATCH):
            body = {
                "files": hashes[start : start + _BATCH],
                "models": list(models),
                "params": dict(params or {}),
                "priority": priority,
                "force": force,
            }
            answer = self.request("POST", "/v1/predictions", json=body).json()
            found += map(Prediction.of, answer["predictions"])
        return Submitted(tuple(found))

    def prediction(self, identifier: str) -> Prediction:
        """Return the state of a prediction.

        Raises:
            ServiceError: there is none, or the service cannot be reached.
        """
        return Prediction.of(self.request("GET", f"/v1/predictions/{identifier}").json())

    def wait(
        self,
        ids: Iterable[str],
        *,
        timeout_seconds: float | None = None,
        on_change: Callable[[Sequence[Prediction]], None] | None = None,
    ) -> Iterator[Prediction]:
        """Yield predictions in the given order, as soon as each and those before it are finished.

        Args:
            ids: Their ids.
            timeout_seconds: Time for all of them; None for any.
            on_change: Called with the predictions that were asked about, finished or not.

        Raises:
            TimeoutError: the time is over.
            ServiceError: the service cannot be reached.
        """
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        left = list(dict.fromkeys(ids))
        while left:
            asked = left[:_BATCH]
            seconds = _WAIT_SECONDS if on_change is None else _REPORT_SECONDS
            if until is not None:
                seconds = min(seconds, max(0, int(until - time.monotonic())))
            answer = self.request(
                "POST",
                "/v1/predictions:lookup",
                json={"ids": asked},
                headers={"prefer": f"wait={seconds}"},
                timeout=_WAIT_SECONDS + 60,
            )
            found = [*map(Prediction.of, answer.json()["predictions"])]
            if on_change is not None:
                on_change(found)
            for prediction in found:
                if not prediction.is_finished:
                    break
                left.pop(0)
                yield prediction
            if left and until is not None and time.monotonic() >= until:
                raise TimeoutError(f"{len(left)} predictions are not finished")

    def tags(self, identifier: str) -> bytes:
        """Return the tags of a prediction: JSON lines, as `common-ml run` writes them.

        Raises:
            ServiceError: it is not done, or the service cannot be reached.
        """
        return self.request("GET", f"/v1/predictions/{identifier}/tags").content

    def messages(self, identifier: str, *, source_media: str | None = None) -> Iterator[Message]:
        """Yield the messages of a prediction.

        Args:
            identifier: Its id.
            source_media: The file that they name; None for the name in the service.

        Raises:
            ServiceError: it is not done, or the service cannot be reached.
        """
        from common_ml.tagging.tags_file.codec import decode

        for line in self.tags(identifier).splitlines():
            message = decode(line)
            if source_media is not None and hasattr(message, "source_media"):
                message = replace(message, source_media=source_media)  # type: ignore[call-arg] # those have it
            yield message

    def cancel(self, identifier: str) -> Prediction:
        """Cancel a prediction that is queued or running.

        Raises:
            ServiceError: it is finished, or the service cannot be reached.
        """
        return Prediction.of(self.request("POST", f"/v1/predictions/{identifier}:cancel").json())

    def retry(self, identifier: str) -> Prediction:
        """Queue a prediction again that failed or was cancelled.

        Raises:
            ServiceError: it is neither, or the service cannot be reached.
        """
        return Prediction.of(self.request("POST", f"/v1/predictions/{identifier}:retry").json())

    def request(
        self, method: str, path: str, *, repeat: bool = True, **options: Any
    ) -> httpx.Response:
        """Send a request and return the answer.

        Args:
            method: HTTP method.
            path: Path of the address, with its query.
            repeat: Whether it may be sent again after a broken connection.
            **options: As of `httpx.Client.request`.

        Raises:
            ServiceError: the service cannot be reached, or the answer's status is 400 or higher.
        """
        for attempt in range(1, self._retry.attempts + 1):
            last = not repeat or attempt == self._retry.attempts
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if last:
                    url, reason = str(self._http.base_url), str(error) or type(error).__name__
                    message = f"cannot reach {url}: {reason}; hint: is the service running there?"
                    raise ServiceError(message, url=url) from error
                time.sleep(self._retry.delay_seconds(attempt))
                continue
            if answer.status_code in _RETRIED and not last:
                time.sleep(_asked_delay(answer) or self._retry.delay_seconds(attempt))
                continue
            return checked(answer)
        raise AssertionError("a Backoff has at least one attempt")

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        following: str | None = ""
        while following is not None:
            query = {"cursor": following} if following else {}
            page = self.request("GET", path, params=query).json()
            yield from page["items"]
            following = page.get("next")


def checked(answer: httpx.Response) -> httpx.Response:
    """Return a response, or raise its error.

    Raises:
        ServiceError: its status is 400 or higher.
    """
    if answer.status_code < 400:
        return answer
    try:
        document = answer.json()
        detail = str(document["detail"]) if isinstance(document, dict) else ""
    except (ValueError, KeyError):
        detail = ""
    if answer.status_code == 401:
        detail += "; hint: pass a token: --token, or the environment's COMMON_ML_TOKEN"
    raise ServiceError(
        f"{answer.status_code} {answer.reason_phrase}: {detail}".removesuffix(": "),
        url=str(answer.url.copy_with(query=None)),
        status=answer.status_code,
    )


def _asked_delay(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return min(float(text), 60.0) if text.isascii() and text.isdigit() else None
