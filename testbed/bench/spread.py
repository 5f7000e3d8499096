"""Tasks -> outcomes as they come, on every core of this machine, or over a Ray cluster."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import cv2

from radiosem.errors import RadiosemError
from testbed.extras import require

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_work: Callable[[Any], Any] | None = None
_unable: RadiosemError | None = None  # why this child has no work to do with


def spread(
    make_work: Callable[..., Callable[[Task], Outcome]],
    arguments: tuple[Any, ...],
    tasks: Iterable[Task],
    workers: int,
    ray: bool = False,
) -> Generator[Outcome, None, None]:
    """Yield the outcome of every task, the first to be ready first.

    make_work  called with `arguments` once a worker; what it returns is called with each task. Importable by name
    workers    processes, each with one thread; one works in this process. Ignored with `ray`, which takes every core
    raises     RadiosemError when Ray is asked for and not installed
    """
    tasks = list(tasks)
    if ray:
        yield from _over_ray(make_work, arguments, tasks)
    elif workers <= 1 or len(tasks) <= 1:
        work = make_work(*arguments) if tasks else None
        for task in tasks:
            assert work is not None
            yield work(task)
    else:
        yield from _over_processes(make_work, arguments, tasks, workers)


def _over_processes(
    make_work: Callable[..., Callable[[Task], Outcome]], arguments: tuple[Any, ...], tasks: list[Task], workers: int
) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")  # not by fork: ONNX Runtime's threads do not survive it
    others = set(multiprocessing.active_children())
    with _one_thread():
        pool = ProcessPoolExecutor(min(workers, len(tasks)), context, _begin_child, (make_work, arguments))
        try:
            for ready in as_completed([pool.submit(_do, task) for task in tasks]):
                yield ready.result()
        except BrokenProcessPool:
            raise RadiosemError(
                "a worker process ended before its work was done; what it said is above, and --workers 1 works in "
                "this process"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:  # whatever the way out, nothing works on
                child.terminate()
                child.join()


def _begin(make_work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    global _work
    cv2.setNumThreads(1)
    _work = make_work(*arguments)


def _begin_child(make_work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends its children
    threading.Thread(target=_end_with_parent, name="watch", daemon=True).start()
    try:
        _begin(make_work, arguments)
    except RadiosemError as error:  # raised here it would break the pool, and the reason be lost
        global _unable
        _unable = error


def _end_with_parent() -> None:
    """A parent that is killed cannot end its children: each sees to it itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(task: Any) -> Any:
    if _unable is not None:
        raise _unable
    assert _work is not None
    return _work(task)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Children inherit one thread a library: the cores are shared out between processes."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def require_ray() -> None:
    """Raise RadiosemError unless Ray is installed."""
    require("--ray", "ray", "ray")


def _over_ray(
    make_work: Callable[..., Callable[[Task], Outcome]], arguments: tuple[Any, ...], tasks: list[Task]
) -> Iterator[Outcome]:
    require_ray()
    import ray

    if not ray.is_initialized():
        ray.init(log_to_driver=False)  # RAY_ADDRESS names a cluster that is already up
    actors = [
        ray.remote(num_cpus=1)(_Worker).remote(make_work, arguments)
        for _ in range(min(len(tasks), max(1, int(ray.cluster_resources().get("CPU", 1)))))
    ]
    waiting, busy = iter(tasks), {}
    for actor, task in zip(actors, waiting, strict=False):
        busy[actor.do.remote(task)] = actor
    while busy:
        (ready,), _ = ray.wait(list(busy), num_returns=1)
        actor = busy.pop(ready)
        with contextlib.suppress(StopIteration):
            busy[actor.do.remote(next(waiting))] = actor
        yield ray.get(ready)


class _Worker:
    """One process of a Ray cluster."""

    def __init__(self, make_work: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
        _begin(make_work, arguments)

    def do(self, task: Any) -> Any:
        return _do(task)
