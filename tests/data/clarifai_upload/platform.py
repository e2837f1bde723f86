"""A fake platform on loopback, with the package's service definitions and every status code."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from common_ml.data.clarifai_upload.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Fault = Callable[[Any, Any], Any]
    """Takes request and context; an answer instead of the usual one, or None."""

KEY = "secret-token-of-a-test"
LIBRARY = load()
STUBS = import_module("clarifai_grpc.grpc.api.service_pb2_grpc")
codes = LIBRARY.codes.StatusCode


@dataclass
class Call:
    """What came in."""

    method: str
    request: Any
    headers: dict[str, str]


@dataclass
class Stored:
    """An input that is there."""

    message: Any
    codes: deque[int]
    """Its status at each look; the last one stays."""


@dataclass
class Platform:
    """The service's methods over a small store. Methods that it has not are UNIMPLEMENTED."""

    key: str = KEY
    inputs: dict[str, Stored] = field(default_factory=dict)
    annotations: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    """What the next calls of a method do instead, one each."""
    refused: dict[str, int] = field(default_factory=dict)
    """Codes of inputs that are refused, by their url."""
    throttled: dict[str, int] = field(default_factory=dict)
    """How often an input is throttled before it is taken, by its url."""
    downloads: dict[str, list[int]] = field(default_factory=dict)
    """The codes at each look, by url; else it is there at the first."""
    refused_concepts: dict[str, int] = field(default_factory=dict)
    """Codes of annotations that are refused, by a concept in them."""
    lists_statuses: bool = True
    """Whether answers to chunks tell of each input."""

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._unimplemented = STUBS.V2Servicer()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unimplemented, name)

    # ---- the service

    def PostInputs(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's name
        return self._answer("PostInputs", request, context, self._post_inputs)

    def ListInputs(self, request: Any, context: Any) -> Any:  # noqa: N802 - the same
        return self._answer("ListInputs", request, context, self._list_inputs)

    def PostAnnotations(self, request: Any, context: Any) -> Any:  # noqa: N802 - the same
        return self._answer("PostAnnotations", request, context, self._post_annotations)

    def DeleteInputs(self, request: Any, context: Any) -> Any:  # noqa: N802 - the same
        return self._answer("DeleteInputs", request, context, self._delete_inputs)

    def _answer(self, method: str, request: Any, context: Any, usual: Callable[[Any], Any]) -> Any:
        headers = dict(context.invocation_metadata())
        with self._lock:
            self.calls.append(Call(method, request, headers))
            fault = self.faults[method].popleft() if self.faults[method] else None
        if fault is not None:
            answer = fault(request, context)
            if answer is not None:
                return answer
        if headers.get("authorization") != f"Key {self.key}":
            return failure(11009)(request, context)
        with self._lock:
            return usual(request)

    def _post_inputs(self, request: Any) -> Any:
        assert 1 <= len(request.inputs) <= 128
        answered = []
        for one in request.inputs:
            code = self._take_input(one)
            answered.append(LIBRARY.resources.Input(id=one.id, status=status(code)))
        return self._many(LIBRARY.service.MultiInputResponse, "inputs", answered)

    def _take_input(self, one: Any) -> int:
        media = media_of(one)
        if self.throttled.get(media.url, 0):
            self.throttled[media.url] -= 1
            return 11005
        if media.url in self.refused:
            return self.refused[media.url]
        urls = {media_of(stored.message).url for stored in self.inputs.values()}
        known_url = media.url and media.url in urls and not media.allow_duplicate_url
        if one.id in self.inputs or known_url:
            return 30100
        one_id = one.id or f"made-{len(self.inputs)}"
        codes_of = self.downloads.get(media.url, [30000])
        self.inputs[one_id] = Stored(one, deque(codes_of))
        return 30001 if media.url else 30000

    def _list_inputs(self, request: Any) -> Any:
        found = []
        for one_id in request.ids:
            stored = self.inputs.get(one_id)
            if stored is None:
                continue
            message = LIBRARY.resources.Input()
            message.CopyFrom(stored.message)
            code = stored.codes[0] if len(stored.codes) == 1 else stored.codes.popleft()
            message.status.CopyFrom(status(code))
            found.append(message)
        start = (request.page - 1) * request.per_page
        page = found[start : start + request.per_page]
        return LIBRARY.service.MultiInputResponse(status=status(10000), inputs=page)

    def _post_annotations(self, request: Any) -> Any:
        assert 1 <= len(request.annotations) <= 20
        answered = []
        for one in request.annotations:
            stored = self.inputs[one.input_id]
            assert stored.codes[0] == 30000, "annotated before it was downloaded"
            code = next(
                (
                    self.refused_concepts[name]
                    for name in names(one)
                    if name in self.refused_concepts
                ),
                40010 if one.id in self.annotations else 24150,
            )
            if code == 24150:
                self.annotations[one.id] = one
            answered.append(LIBRARY.resources.Annotation(id=one.id, status=status(code)))
        return self._many(LIBRARY.service.MultiAnnotationResponse, "annotations", answered)

    def _delete_inputs(self, request: Any) -> Any:
        for one_id in request.ids:
            del self.inputs[one_id]
        return base_response(10000)

    def _many(self, kind: Any, name: str, answered: list[Any]) -> Any:
        good = sum(one.status.code in (10000, 24150, 30000, 30001) for one in answered)
        whole = 10000 if good == len(answered) else 10010 if good else 10020
        listed = answered if self.lists_statuses else []
        return kind(status=status(whole), **{name: listed})

    # ---- for tests

    def called(self, method: str) -> list[Any]:
        """The requests of a method, in order."""
        return [call.request for call in self.calls if call.method == method]

    def by_url(self) -> dict[str, Any]:
        """The inputs that are there, by address."""
        return {media_of(one.message).url: one.message for one in self.inputs.values()}

    def regions(self, url: str) -> set[tuple[float, float, float, float, str, float]]:
        """What the regions of an input say: top, left, bottom, right, concept, value."""
        wanted = self.by_url()[url].id
        said = set()
        for one in self.annotations.values():
            for region in one.data.regions if one.input_id == wanted else ():
                box = region.region_info.bounding_box
                edges = (box.top_row, box.left_col, box.bottom_row, box.right_col)
                top, left, bottom, right = (round(edge, 4) for edge in edges)
                for concept in region.data.concepts:
                    said.add((top, left, bottom, right, concept.name, concept.value))
        return said

    def concepts(self, url: str) -> set[tuple[str, float]]:
        """The concepts of the whole of an input, however they came."""
        message = self.by_url()[url]
        late = (
            concept
            for one in self.annotations.values()
            if one.input_id == message.id
            for concept in one.data.concepts
        )
        return {(one.name, one.value) for one in (*message.data.concepts, *late)}


@dataclass
class Server:
    """A platform that listens."""

    platform: Platform
    grpc_server: Any
    port: int
    base: str

    def die(self) -> None:
        """Ends it, with all calls that are under way."""
        self.grpc_server.stop(None).wait()


def serve(platform: Platform, credentials: Any = None) -> Server:
    """Starts to listen on a free port of loopback, over TLS if there are credentials."""
    server = LIBRARY.grpc.server(ThreadPoolExecutor(16))
    STUBS.add_V2Servicer_to_server(platform, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
        base = f"http://127.0.0.1:{port}"
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
        base = f"localhost:{port}"
    server.start()
    return Server(platform, server, port, base)


def status(code: int, details: str = "") -> Any:
    """A status message."""
    sentence = codes.Name(code).replace("_", " ").capitalize()
    status_pb2 = import_module("clarifai_grpc.grpc.api.status.status_pb2")
    return status_pb2.Status(code=code, description=sentence, details=details)


def base_response(code: int) -> Any:
    """An answer that is only a status."""
    return import_module("clarifai_grpc.grpc.api.status.status_pb2").BaseResponse(
        status=status(code)
    )


def failure(code: int, details: str = "") -> Fault:
    """Answers a call with a code for all of it, and says nothing of the single inputs."""

    def answer(request: Any, context: Any) -> Any:
        kind = (
            "MultiAnnotationResponse" if hasattr(request, "annotations") else "MultiInputResponse"
        )
        return getattr(LIBRARY.service, kind)(status=status(code, details))

    return answer


def abort(name: str, details: str = "as the test wants it") -> Fault:
    """Ends a call with a code of gRPC."""

    def answer(request: Any, context: Any) -> None:
        context.abort(getattr(LIBRARY.grpc.StatusCode, name), details)

    return answer


def after_taking(platform: Platform, method: str, name: str) -> Fault:
    """Does what is asked, and ends the call with a code of gRPC all the same."""
    usual = {"PostInputs": platform._post_inputs, "PostAnnotations": platform._post_annotations}

    def answer(request: Any, context: Any) -> None:
        with platform._lock:
            usual[method](request)
        context.abort(getattr(LIBRARY.grpc.StatusCode, name), "the answer was lost")

    return answer


def media_of(message: Any) -> Any:
    """Image, video or audio of an input."""
    for kind in ("video", "audio"):
        if message.data.HasField(kind):
            return getattr(message.data, kind)
    return message.data.image


def names(annotation: Any) -> Iterable[str]:
    """The concepts in an annotation."""
    for concept in annotation.data.concepts:
        yield concept.name
    for region in annotation.data.regions:
        for concept in region.data.concepts:
            yield concept.name
