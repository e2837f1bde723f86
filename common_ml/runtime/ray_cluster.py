"""A connection to a Ray cluster: an address, or a cluster on this machine alone."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from common_ml.backoff import Backoff
from common_ml.errors import MissingExtraError, TaggerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

_LOOK_SECONDS = 0.5
_CONNECT_SECONDS = 10.0
_HINT = (
    "hint: ray:HOST:6379 or ray://HOST:10001, with the address of its head that `ray start --head`"
    " prints; a cluster that asks for a token takes RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
)
_NO_TIMER = (0.0, 0.0)
_SET_HANDLER = "set_sigterm_handler"
_PRINT = "print_to_stdstream"
_REFUSED_CLIENT = "Initialization failure from server"
_CLIENT = Backoff(attempts=3)
LOCAL_STORE_BYTES = 100 << 20
"""Object store of a local cluster: only names and counts travel through Ray, no films."""
logger = logging.getLogger(__name__)


class Room(NamedTuple):
    """Total CPUs and GPUs of a machine."""

    num_cpus: float
    num_gpus: float


class RayCluster:
    """A connection to a cluster; a context manager that ends it, and a cluster that it started."""

    def __init__(self, address: str = "ray", *, num_cpus: int | None = None) -> None:
        """Initialise; nothing is started yet.

        Args:
            address: `ray` for a cluster on this machine alone, for as long as this object lives;
                `ray://auto` for the one that this machine belongs to; `ray://HOST:10001` for one
                that is reached through Ray Client; `ray:HOST:6379` for one that this machine
                belongs to, by the address of its head.
            num_cpus: CPUs of a local cluster; None for those of the machine.
        """
        self._address = address
        self._num_cpus = num_cpus
        self.is_local = address == "ray"
        self._connected = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(_reports_logged())
            self._connect()
            stack.callback(import_ray().shutdown)
            self._connected = stack.pop_all()
        return self

    def _connect(self) -> None:
        ray = import_ray()
        if self.is_local:
            with _keeping_sigterm():
                ray.init(
                    address="local",
                    num_cpus=self._num_cpus,
                    include_dashboard=False,
                    _node_ip_address="127.0.0.1",
                    object_store_memory=LOCAL_STORE_BYTES,
                    **_QUIET,
                )
        else:
            require_listener(self._address)
            try:
                with _keeping_sigterm():
                    _connect(ray_address(self._address))
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise TaggerError(_sentence(self._address, str(error))) from error

    def rooms(self) -> list[Room]:
        """Return what each machine of the cluster has, were it idle."""
        return [
            Room(node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
            for node in import_ray().nodes()
            if node["Alive"]
        ]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connected.close()


def import_ray() -> Any:
    """Import Ray, which takes a second, with its usage statistics disabled.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its future default
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("Ray", extra="ray") from error
    return ray


@contextmanager
def _reports_logged() -> Iterator[None]:
    """Let what Ray's daemons report go to the log, at level DEBUG.

    Ray prints it among the output of the program, whatever `log_to_driver` says: a paragraph for
    each process that was lost, 20 lines of a log for each machine. There is no setting for it. What
    it means for the work is known from the calls that fail.
    """
    worker = import_ray()._private.worker
    plain = getattr(worker, _PRINT, None)

    def log(data: dict[str, Any], **_: object) -> None:
        logger.debug("Ray reports: %s", "\n".join(data["lines"]))

    if plain is None:
        yield
        return
    setattr(worker, _PRINT, log)
    try:
        yield
    finally:
        setattr(worker, _PRINT, plain)


def ray_address(address: str) -> str:
    """Return what `ray.init` takes: see `RayCluster`."""
    if address == "ray://auto":
        return "auto"
    return address if address.startswith("ray://") else address.removeprefix("ray:")


def require_listener(address: str) -> None:
    """Check that a server listens: Ray itself retries for minutes and ignores signals.

    Raises:
        TaggerError: no server listens there.
    """
    known = ray_address(address)
    if known == "auto":
        known = _address_of_this_machine()
    host, _, port = known.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return  # no cluster was started here, or a name that Ray alone understands
    hosts = [host.strip("[]")]
    if hosts[0] in ("localhost", "127.0.0.1", "::1"):
        # a head on this machine listens at the address of its network card
        hosts.append(import_ray().util.get_node_ip_address())
    reasons = [_reason_not_to_connect(name, int(port)) for name in hosts]
    if all(reasons):
        raise TaggerError(f"no Ray cluster at {address}: {reasons[-1]}; {_HINT}")


def _address_of_this_machine() -> str:
    """Return the address of the cluster that `ray start` has joined here; "" if unknown.

    The address file may be stale: it outlives the cluster.
    """
    given = os.environ.get("RAY_ADDRESS", "")
    if given and given != "auto":
        return given
    try:
        from ray._private.utils import read_ray_address

        return read_ray_address() or ""
    except (ImportError, OSError):  # of another version of Ray, which is asked itself then
        return ""


@contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Keep the program's handler of SIGTERM.

    `ray.init` sets one that exits with status 15, and its native code one that calls that before it
    aborts the process by an alarm, three seconds later.
    """
    utils = import_ray()._private.utils
    plain = getattr(utils, _SET_HANDLER, None)
    before = signal.getsignal(signal.SIGTERM)
    had_alarm = signal.getitimer(signal.ITIMER_REAL) != _NO_TIMER
    if plain is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    setattr(utils, _SET_HANDLER, lambda handler: None)  # noqa: ARG005 - takes what Ray gives
    try:
        yield
    finally:
        setattr(utils, _SET_HANDLER, plain)
        if before is not None:  # set by Python
            signal.signal(signal.SIGTERM, before)
        if not had_alarm and signal.getitimer(signal.ITIMER_REAL) != _NO_TIMER:
            signal.alarm(0)  # a signal came in between


def _connect(address: str, attempt: int = 1) -> None:
    """Connect; retry where the head could not start a process for this client.

    It forks while its threads use gRPC, and now and then the fork dies; on a busy machine its time
    limit for the start passes.
    """
    try:
        import_ray().init(address=address, **_QUIET)
    except ConnectionAbortedError as error:
        if attempt == _CLIENT.attempts or not str(error).startswith(_REFUSED_CLIENT):
            raise
        logger.warning("%s; trying again", _reason(str(error)))
        time.sleep(_CLIENT.delay_seconds(attempt))
        _connect(address, attempt + 1)


def _sentence(address: str, text: str) -> str:
    """Return the error about a cluster, on one line."""
    if "ersion mismatch" in text or "version" in text.partition("\n")[0]:
        facts = " ".join(text.split())
        return (
            f"the Ray cluster at {address} has other versions than this program: {facts}; hint: "
            "install the cluster's versions of Python and Ray here"
        )
    return f"no Ray cluster at {address}: {_reason(text)}; {_HINT}"


def _reason(text: str) -> str:
    """Return the first line of an error, and the last one of the traceback that a server sent."""
    first, *more = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    return f"{first} {more[-1]}" if more and first.startswith(_REFUSED_CLIENT) else first


def _reason_not_to_connect(host: str, port: int) -> str:
    """Return why the address cannot be reached, or an empty string."""
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def actor_class(plain: type, *, control: Sequence[str], **options: Any) -> Any:
    """Return a class of Ray actors some of whose methods are answered while another one runs.

    The group stands at the methods: Ray Client knows no other place for it.

    Args:
        plain: The class.
        control: Names of those methods; two run at a time.
        options: Of `ray.remote`.
    """
    ray = import_ray()
    for name in control:
        ray.method(concurrency_group=_CONTROL)(getattr(plain, name))
    return ray.remote(concurrency_groups={_CONTROL: 2}, **options)(plain)


_CONTROL = "control"
_QUIET: dict[str, Any] = {
    "log_to_driver": False,
    "logging_level": "ERROR",
    "configure_logging": True,
}


def end_with_raylet() -> None:
    """End this actor's process when the Ray daemon that started it is gone.

    Ray itself waits for the current call, which may take hours, although its work was reassigned.
    The taggers are ended by their guards.
    """
    raylet = os.getppid()

    def watch() -> None:
        while os.getppid() == raylet:
            time.sleep(_LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="raylet", daemon=True).start()
