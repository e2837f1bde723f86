"""Models that misbehave, one a row: what they do, and how the job must end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GOOD = ("one.mp4", "three.mp4")
BAD = "bad.mp4"


@dataclass(frozen=True)
class Case:
    """A model that misbehaves when it is given the file `bad.mp4`."""

    name: str
    bad: str = "pass"
    """Statements of `tag` for that file."""
    start: str = "pass"
    """Statements of `__init__`."""
    before: str = "pass"
    """Statements of the program before it makes the model."""
    error: str | None = None
    """What the `error` line of the file begins with; None where the file is tagged."""
    status: int = 0
    stderr: str = ""
    """What stderr holds, as a regular expression."""
    stop: Literal["", "SIGTERM", "SIGINT"] = ""
    """A signal that is sent while the daemon waits for more files."""
    one_by_one: bool = False
    """Whether a file is sent once the one before has ended, as a runtime may do."""
    only: tuple[str, ...] | None = None
    """The files that have their `progress`, where these are not all but the failing one."""
    num_errors: int = 1
    """The number of files that end with that line."""
    kind: str = ""
    """The first of a kind runs in every test run, the others with the slow tests."""


RAISES = [
    Case("cancelled", "import asyncio; raise asyncio.CancelledError('no')", error="CancelledError"),
    Case("generator_exit", "raise GeneratorExit", error="GeneratorExit"),
    Case("a_base_exception", "raise Panic('native panic')", error="Panic: native panic"),
    Case("keyboard_interrupt", "raise KeyboardInterrupt", error="KeyboardInterrupt"),
    Case("exit_0", "sys.exit(0)", error="SystemExit: 0"),
    Case("exit_with_a_text", "sys.exit('no weights')", error="SystemExit: no weights"),
    Case("stop_iteration", "raise StopIteration", error="RuntimeError: generator raised Stop"),
    Case("stop_async_iteration", "raise StopAsyncIteration", error="StopAsyncIteration"),
    Case("endless_recursion", "self.tag(fpath)", error="RecursionError"),
    Case("no_memory", "bytearray(1 << 60)", error="MemoryError"),
    Case("str_raises", "raise Mute('x')", error="Mute: its message cannot be shown"),
    Case("str_of_a_wrong_type", "raise Number('x')", error="Number: its message cannot be shown"),
    Case("attributes_raise", "raise Closed('x')", error="Closed: x", stderr="in tag"),
    Case("its_class_cannot_be_read", "raise Unclassed('x')", error="Unclassed: x", stderr="in tag"),
    Case("attributes_cannot_be_set", "raise Frozen('x')", error="Frozen: x", stderr="in tag"),
    Case("a_frozen_dataclass", "raise Coded(7)", error="Coded", stderr="in tag"),
    Case(
        "a_cause_in_a_circle", "e = ValueError('round'); e.__cause__ = e; raise e", error="ValueEr"
    ),
    Case("a_huge_message", "raise ValueError('x' * 10_000_000)", error="ValueError: xxx"),
    Case("half_characters", r"raise ValueError('a\ud800')", error=r"ValueError: a\ud800"),
    Case("escapes_in_the_message", r"raise ValueError('\x1b[2J')", error="ValueError: \x1b[2J"),
    Case("raises_while_iterated", "return later(ValueError('late'))", error="ValueError: late"),
    Case("panics_while_iterated", "return later(Panic('late'))", error="Panic: late"),
    Case("exits_while_iterated", "return later(GeneratorExit())", error="GeneratorExit"),
    Case("returns_itself", "return self", error="ModelOutputError"),
    Case("iterates_over_wrong_things", "return iter([3])", error="ModelOutputError"),
]
LOGGING = [
    Case("a_handler_that_raises", start="root(Raises())", stderr="a logging handler failed"),
    Case(
        "a_handler_that_raises_at_an_error",
        "raise ValueError('x')",
        start="root(Raises())",
        error="ValueError: x",
    ),
    Case("a_filter_that_raises", start="root(logging.NullHandler()).addFilter(explode)"),
    Case("a_record_factory_that_raises", "logging.setLogRecordFactory(explode)"),
    Case("logging_is_shut_down", "logging.shutdown()"),
    Case("no_handlers_are_left", "logging.root.handlers.clear()"),
    Case("stderr_is_closed", "sys.stderr.close(); os.close(2)"),
    Case("stdout_is_closed", "sys.stdout.close(); os.close(1)"),
    Case("escapes_in_the_log", r"logging.warning('\x1b[2J')", stderr=r"\\x1b\[2J"),
]
SIGNALS = [
    Case("sigchld", "signal.signal(signal.SIGCHLD, ignore); subprocess.run(['true'])"),
    Case(
        "sigchld_while_weights_load",
        start="signal.signal(signal.SIGCHLD, ignore); subprocess.run(['true'])",
    ),
    Case("sigalrm", "signal.signal(signal.SIGALRM, ignore); alarm()"),
    Case("sigalrm_while_weights_load", start="signal.signal(signal.SIGALRM, ignore); alarm()"),
    Case("sigusr1", "signal.signal(signal.SIGUSR1, ignore); signal.raise_signal(signal.SIGUSR1)"),
    Case(
        "sigusr1_while_weights_load",
        start="signal.signal(signal.SIGUSR1, ignore); signal.raise_signal(signal.SIGUSR1)",
    ),
    Case(
        "thousands_of_signals",
        "signal.signal(signal.SIGUSR2, ignore)\n"
        "for _ in range(100_000): signal.raise_signal(signal.SIGUSR2)",
    ),
    Case(
        "like_a_data_loader",
        "signal.signal(signal.SIGCHLD, ignore)\n"
        "with multiprocessing.get_context('fork').Pool(2) as two: assert two.map(abs, [1]) == [1]",
    ),
    Case("asyncio", "import asyncio; asyncio.run(asyncio.sleep(0))", stop="SIGTERM", status=143),
    Case("asyncio_handles_sigterm", "asyncio_handler(signal.SIGTERM)", stop="SIGTERM", status=143),
    Case("asyncio_handles_sigint", "asyncio_handler(signal.SIGINT)", stop="SIGINT", status=130),
    Case("asyncio_handles_another", "asyncio_handler(signal.SIGUSR1)", stop="SIGTERM", status=143),
    Case("the_wakeup_is_taken", "signal.set_wakeup_fd(-1)", stop="SIGTERM", status=143),
    Case(
        "functions_of_signal_are_replaced",
        "signal.signal = signal.set_wakeup_fd = signal.getsignal = explode",
        stop="SIGTERM",
        status=143,
    ),
    Case(
        "native_code_handles_sigterm",
        "import faulthandler; faulthandler.register(signal.SIGTERM)",
        stop="SIGTERM",
        status=143,
    ),
    Case(
        "native_code_ignores_sigint",
        "import ctypes; ctypes.CDLL(None).signal(signal.SIGINT, ctypes.c_void_p(1))",
        stop="SIGINT",
        status=130,
    ),
    Case("the_pipes_are_closed", "close_pipes()", stop="SIGTERM", status=143),
    Case("the_pipes_mean_another_file", "null_pipes()", stop="SIGTERM", status=143),
    Case(
        "sigterm_is_ignored",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        stop="SIGTERM",
        status=143,
    ),
    Case(
        "sigint_raises_again",
        "signal.signal(signal.SIGINT, signal.default_int_handler)",
        stop="SIGINT",
        status=130,
    ),
    Case(
        "sigint_raises_before_our_handler_is_back",
        "from common_ml.tagging.job.signals import GracefulShutdown\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "GracefulShutdown.rearm = lambda self: signal.raise_signal(signal.SIGINT)",
        status=130,
        stderr="stopped by SIGINT: ",
    ),
    Case(
        "a_real_sigint_in_the_call",
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)",
        status=130,
        only=("one.mp4",),
    ),
    Case(
        "it_stops_itself",
        "os.kill(os.getpid(), signal.SIGTERM)",
        status=143,
        only=("one.mp4",),
        stderr="1 files finished, 0 failed, 2 not finished: bad.mp4, three.mp4",
    ),
    Case(
        "signals_are_blocked",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
        stop="SIGTERM",
        status=143,
    ),
]
FORKS = [
    Case("a_child_returns", "os.fork()"),
    Case("a_child_raises", "if os.fork() == 0: raise ValueError('in the child')"),
    Case("a_child_exits", "if os.fork() == 0: sys.exit(3)"),
    Case("a_child_panics", "if os.fork() == 0: raise Panic('in the child')"),
    Case("a_child_while_iterated", "return forks_later()"),
    Case("a_child_while_weights_load", start="if os.fork() == 0: raise ValueError('in the child')"),
    Case("a_child_of_the_constructor_returns", start="os.fork()"),
    Case("a_child_of_the_constructor_exits", start="if os.fork() == 0: sys.exit(3)"),
    Case("many_children_of_the_constructor", start="for _ in range(5): os.fork()"),
    Case(
        "a_process_of_the_constructor",
        start="p = multiprocessing.get_context('fork').Process(target=print); p.start()",
    ),
    Case(
        "a_process",
        "p = multiprocessing.get_context('fork').Process(target=print); p.start(); p.join()",
    ),
    Case("a_program", "subprocess.run(['true'], check=True)"),
    Case("many_children", "for _ in range(20):\n    if os.fork() == 0: break"),
    Case(
        "a_child_of_a_helper_returns",
        before="later_helper()",
        stderr="forked in later_helper .* is no tagger",
    ),
    Case(
        "many_children_of_a_helper",
        before="later_helper(); later_helper()",
        stderr="forked in later_helper",
    ),
    Case(
        "a_child_of_a_helper_comes_first",
        before="if helper(): time.sleep(0.1)",
        stderr="forked in helper .* is no tagger",
    ),
    Case("a_child_of_a_helper_exits", before="if helper() == 0: sys.exit(3)"),
    Case("a_child_of_a_helper_raises", before="if helper() == 0: raise ValueError('in the child')"),
    Case("a_child_of_a_pseudo_terminal", "import pty\nif pty.fork()[0] == 0: raise ValueError"),
    Case(
        "the_tagger_is_the_child_of_a_supervisor",
        before="if (pid := os.fork()): sys.exit(os.waitpid(pid, 0)[1])",
    ),
    Case(
        "the_tagger_is_the_child_of_a_supervisors_helper",
        before="if (pid := helper()): os._exit(os.waitpid(pid, 0)[1])",
    ),
    Case("two_taggers_of_a_supervisor", before="two_taggers()"),
    Case("the_tagger_was_put_into_the_background", before="in_background()"),
    Case("the_tagger_has_an_input_of_its_own", before="by_a_server()"),
    Case("a_child_by_vfork", "os.posix_spawn('/bin/true', ['true'], os.environ)"),
    Case(
        "a_pool_of_executors",
        "import concurrent.futures as c\n"
        "with c.ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as two:\n"
        "    assert list(two.map(abs, [-1])) == [1]",
    ),
    Case("a_child_in_a_thread", "t = threading.Thread(target=os.fork); t.start(); t.join()"),
]
ENDS = [
    Case("a_thread_that_never_ends", "hang_in_a_thread('busy')", stderr="threads still run: busy"),
    Case(
        "such_a_thread_after_a_failure",
        "hang_in_a_thread('busy'); raise AbortTaggingException('no more')",
        error="AbortTaggingException: no more",
        status=1,
        only=("one.mp4",),
        stderr="threads still run: busy",
    ),
    Case(
        "workers_of_an_executor_that_never_end",
        "pool_of(2).submit(time.sleep, 3600)",
        stderr="processes still run: .*Process-1",
    ),
    Case(
        "such_workers_after_a_failure",
        "pool_of(2).submit(time.sleep, 3600); raise AbortTaggingException('no more')",
        error="AbortTaggingException: no more",
        status=1,
        only=("one.mp4",),
        stderr="processes still run: .*Process-1",
    ),
    Case(
        "such_workers_and_a_stop",
        "pool_of(2).submit(time.sleep, 3600)",
        stop="SIGTERM",
        status=143,
    ),
    Case(
        "a_process_that_never_ends",
        "multiprocessing.get_context('fork').Process(target=time.sleep, args=(3600,)).start()",
        stderr="processes still run: .*Process-1",
    ),
    Case("no_thread_can_be_started_any_more", "threading.Thread.start = explode"),
    Case("a_pool_that_never_ends", "pool.submit(time.sleep, 3600)", stderr="threads still run"),
    Case(
        "an_exit_function_that_hangs", "atexit.register(time.sleep, 3600)", stderr="exit function"
    ),
    Case(
        "a_queue_that_is_not_joined",
        "queue = multiprocessing.Queue(); queue.put(b'x' * 10_000_000)",
        stderr="exit function",
    ),
    Case(
        "a_daemon_thread", "threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()"
    ),
    Case("many_threads", "[hang_in_a_thread(f'n{n}') for n in range(200)]", stderr="n199"),
]
SURROUNDINGS = [
    Case("another_directory", "os.chdir('/')"),
    Case("stdin_is_closed", "os.close(0)"),
    Case("stdin_means_another_file", "os.dup2(os.open('/dev/null', os.O_RDWR), 0)"),
    Case("a_program_reads_stdin", "subprocess.run(['cat'])", one_by_one=True),
    Case(
        "a_spawned_process_runs_main_again",
        "with multiprocessing.get_context('spawn').Pool(1) as one: one.map(abs, [1])",
        one_by_one=True,
    ),
    Case(
        "all_descriptors_are_closed",
        "os.closerange(3, 256)",
        status=1,
        only=("one.mp4",),
        error="OutputError: the output file tags.jsonl cannot be written: the model, or",
    ),
    Case(
        "all_descriptors_mean_another_file",
        "null_pipes(all_of_them=True)",
        status=1,
        only=("one.mp4",),
        error="OutputError: the output file tags.jsonl cannot be written: the model, or",
    ),
    Case("the_clock_is_replaced", "time.monotonic = explode"),
    Case("the_process_id_is_replaced", "os.getpid = explode"),
    Case(
        "all_modules_are_forgotten",
        "sys.modules.clear()",
        only=("one.mp4",),
        error="",
        num_errors=2,
    ),
    Case("no_environment", "os.environ.clear()"),
    Case("other_arguments", "sys.argv[:] = []"),
    Case("stdin_is_replaced", "sys.stdin = io.StringIO('x.mp4')"),
    Case("stdout_cannot_be_flushed", "sys.stdout = Unflushable()"),
    Case("stderr_cannot_be_flushed", "sys.stderr = Unflushable()"),
    Case(
        "stdout_has_no_reader",
        "r, w = os.pipe(); os.close(r); sys.stdout = os.fdopen(w, 'w'); print('x')",
    ),
    Case("warnings_are_errors", "import warnings; warnings.simplefilter('error')"),
    Case("nothing_is_readable", "os.umask(0o777)"),
    Case("few_descriptors", "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))"),
    Case(
        "little_memory",
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20)); bytearray(1 << 30)",
        error="MemoryError",
    ),
    Case("a_short_switch_interval", "sys.setswitchinterval(1e-6)"),
    Case("hooks_are_replaced", "sys.excepthook = threading.excepthook = explode"),
    Case(
        "the_file_is_changed", "open(fpath, 'w').write('more')", error="MediaError: 'bad.mp4' chang"
    ),
    Case("the_file_is_deleted", "os.remove(fpath)"),
    Case(
        "the_output_is_renamed",
        "os.rename('tags.jsonl', 'other.jsonl')",
        status=1,
        only=(),
        error="OutputError: the output file",
    ),
    Case(
        "native_code_crashes",
        "import ctypes; ctypes.string_at(0)",
        status=-11,
        only=("one.mp4",),
        stderr=r"Segmentation fault(?s:.*)in tag",
    ),
    Case(
        "it_aborts",
        "os.abort()",
        status=-6,
        only=("one.mp4",),
        stderr=r"Aborted(?s:.*)in tag",
    ),
    Case(
        "odd_values",
        r"return [Tag(tag='odd', additional_info={'i': 2**70, 's': '\ud800', 'd': tower(400)})]",
    ),
]
KINDS = {
    "raises": RAISES,
    "logging": LOGGING,
    "signals": SIGNALS,
    "forks": FORKS,
    "ends": ENDS,
    "surroundings": SURROUNDINGS,
}

PROGRAM = """
import atexit, concurrent.futures, dataclasses, io, logging, multiprocessing, os, signal
import subprocess, sys, threading, time
from common_ml import AVModel, Tag, catch_errors, run_default
from common_ml.errors import AbortTaggingException

pool = concurrent.futures.ThreadPoolExecutor()

class Panic(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise ValueError("no words")

class Number(Exception):
    def __str__(self):
        return 3

class Closed(Exception):
    def __getattribute__(self, name):
        raise ValueError(name)

class Unclassed(Exception):
    __class__ = property(lambda self: explode())

class Frozen(Exception):
    def __setattr__(self, name, value):
        raise ValueError(name)

@dataclasses.dataclass(frozen=True)
class Coded(Exception):
    code: int

class Raises(logging.Handler):
    def emit(self, record):
        raise ValueError("cannot log")

class Unflushable(io.StringIO):
    def flush(self):
        raise ValueError("cannot flush")

def root(handler):
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    return handler

def explode(*args, **kwargs):
    raise ValueError("exploded")

def ignore(number, frame):
    pass

def alarm():
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    signal.sigtimedwait([], 0.01)

def asyncio_handler(number):
    import asyncio
    async def main():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(number, ignore, number, None)
        await asyncio.sleep(0)
        loop.remove_signal_handler(number)
    asyncio.run(main())

def pool_of(size):
    return concurrent.futures.ProcessPoolExecutor(size, multiprocessing.get_context("fork"))

def hang_in_a_thread(name):
    threading.Thread(target=threading.Event().wait, name=name).start()

def later(error):
    yield Tag(tag="first")
    raise error

def forks_later():
    yield Tag(tag="good")
    os.fork()
    yield Tag(tag="good")

def tower(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value

class Model(AVModel):
    def __init__(self):
        %(start)s

    def tag(self, fpath):
        if fpath == "bad.mp4":
            %(bad)s
        return [Tag(tag="good")]

def pipes():
    import stat
    for number in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            continue

def close_pipes():
    for number in pipes():
        os.close(number)

def null_pipes(all_of_them=False):
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(3, 64) if all_of_them else pipes():
        number == null or os.dup2(null, number)

def helper():
    return os.fork()

def later_helper():
    pid = os.fork()
    while not pid and not os.path.exists("tags.jsonl"):  # which the parent makes
        time.sleep(0.001)
    return pid

def two_taggers():
    for _ in range(2):
        if helper() == 0:
            return
    os._exit(max(os.wait()[1] for _ in range(2)))

def fork_with_input(read_end):
    pid = os.fork()
    if not pid:
        os.dup2(read_end, 0)
    return pid

def by_a_server():
    lines = os.read(0, 4096)
    read_end, write_end = os.pipe()
    pid = fork_with_input(read_end)
    if pid:
        os.write(write_end, lines)
        os.close(write_end)
        os._exit(os.waitpid(pid, 0)[1])
    os.close(write_end)

def in_background():
    import ctypes
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: to wait for what goes there
    if os.fork():
        while True:
            try:
                os.wait()
            except ChildProcessError:
                os._exit(0)
    parent = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == parent:
        time.sleep(0.001)

with catch_errors():
    %(before)s
    run_default(Model())
"""
