"""Runs each mutation against the tests that call the changed function.

Problem: a run of the suite for each of some hundred mutations takes hours. Decision: collect the tests once, record which of
them call which function, then fork for each mutation: the child exchanges the code of that one function, runs only the tests
that call it, and ends at the first failure.
"""

from __future__ import annotations

import ast
import functools
import gc
import os
import selectors
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import CodeType, FrameType, FunctionType

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.mutation import Mutation

_FAILED, _PASSED, _UNKNOWN = 1, 0, 3


class Verdict(StrEnum):
    """What the tests made of a mutation."""

    KILLED = "killed"
    TIMEOUT = "killed by the clock"
    SURVIVED = "survived"
    INAPPLICABLE = "cannot be applied"
    UNTESTED = "called by no test"


@dataclass(frozen=True, kw_only=True)
class Result:
    """A mutation, its verdict, and how many tests call its function."""

    mutation: Mutation
    verdict: Verdict
    tests: int

    @property
    def is_killed(self) -> bool:
        """Whether a test finds the mutation; an endless loop counts."""
        return self.verdict in {Verdict.KILLED, Verdict.TIMEOUT}

    def __str__(self) -> str:
        mutation = self.mutation
        before, after = mutation.before.splitlines()[0], mutation.after.splitlines()[0]
        return f"{mutation.module}:{mutation.line}: {self.verdict} by {self.tests} tests\n  - {before}\n  + {after}"


class MutantRunner:
    """A pytest plug-in that replaces the loop over the tests."""

    def __init__(self, mutations: Sequence[Mutation], *, jobs: int, seconds: float) -> None:
        self._mutations = mutations
        self._jobs = jobs
        self._seconds = seconds
        self._calls: dict[tuple[str, str], list[tuple[float, pytest.Item]]] = defaultdict(list)
        self.results: list[Result] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Records the calls of each test, then tries each mutation."""
        if session.testsfailed:
            raise session.Interrupted("collection failed")
        modules = {str(mutation.module) for mutation in self._mutations}
        for count, item in enumerate(session.items, 1):
            self._record(item, modules)
            _progress(f"calls of test {count} of {len(session.items)}")
        for result in self._judge():
            self.results.append(result)
            if not result.is_killed:
                session.config.get_terminal_writer().line(str(result))
        return True

    def _record(self, item: pytest.Item, modules: set[str]) -> None:
        called: set[tuple[str, str]] = set()

        def trace(frame: FrameType, event: str, _: object) -> None:
            code = frame.f_code
            if event == "call" and code.co_filename in modules:
                called.add((code.co_filename, code.co_qualname.partition(".<locals>")[0]))

        began = time.monotonic()
        sys.setprofile(trace)
        try:
            reports = runtestprotocol(item, log=False, nextitem=None)
        finally:
            sys.setprofile(None)
        failures = [report for report in reports if report.failed]
        if failures:
            pytest.exit(f"{item.nodeid} fails without any mutation:\n{failures[0].longreprtext}", 2)
        for function in called:
            self._calls[function].append((time.monotonic() - began, item))

    def _judge(self) -> Iterator[Result]:
        waiting = list(reversed(self._mutations))
        running: dict[int, tuple[Mutation, int, float]] = {}
        count = 0
        with selectors.DefaultSelector() as selector:
            while waiting or running:
                while waiting and len(running) < self._jobs:
                    mutation = waiting.pop()
                    tests = [item for _, item in sorted(self._tests(mutation), key=lambda pair: pair[0])]
                    if not tests:
                        yield Result(mutation=mutation, verdict=Verdict.UNTESTED, tests=0)
                        continue
                    pid = os.fork()
                    if not pid:
                        code = _UNKNOWN
                        try:
                            code = _attempt(mutation, tests)
                        finally:
                            os._exit(code)
                    descriptor = os.pidfd_open(pid)
                    selector.register(descriptor, selectors.EVENT_READ, pid)
                    running[descriptor] = (mutation, len(tests), time.monotonic() + self._seconds)
                ended = [key.fd for key, _ in selector.select(timeout=1)]
                late = [fd for fd, (_, _, deadline) in running.items() if fd not in ended and time.monotonic() > deadline]
                for descriptor in [*ended, *late]:
                    mutation, tests_tried, _ = running.pop(descriptor)
                    pid = selector.unregister(descriptor).data
                    if descriptor in late:
                        os.kill(pid, signal.SIGKILL)
                    _, status = os.waitpid(pid, 0)
                    os.close(descriptor)
                    count += 1
                    _progress(f"mutation {count} of {len(self._mutations)}")
                    yield Result(mutation=mutation, verdict=_verdict(status), tests=tests_tried)

    def _tests(self, mutation: Mutation) -> list[tuple[float, pytest.Item]]:
        return self._calls[str(mutation.module), mutation.function]


def _progress(text: str) -> None:
    if sys.__stderr__ is not None and sys.__stderr__.isatty():
        sys.__stderr__.write(f"\r{text}\x1b[K")


def _verdict(status: int) -> Verdict:
    if os.WIFSIGNALED(status):
        return Verdict.TIMEOUT
    return {_PASSED: Verdict.SURVIVED, _FAILED: Verdict.KILLED}.get(os.WEXITSTATUS(status), Verdict.INAPPLICABLE)


def _attempt(mutation: Mutation, tests: Sequence[pytest.Item]) -> int:
    """The exit code of the child."""
    exchange(mutation)
    for item in tests:
        if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
            return _FAILED
    return _PASSED


def exchange(mutation: Mutation) -> None:
    """Gives every function object of the changed function its new code."""
    module = str(mutation.module)
    changed = compile(mutation.tree(), module, "exec", dont_inherit=True)
    original = compile(ast.parse(Path(module).read_text()), module, "exec", dont_inherit=True)
    old, new = _code(original, mutation.function), _code(changed, mutation.function)
    for function in [obj for obj in gc.get_objects() if isinstance(obj, FunctionType)]:
        code = function.__code__
        if (code.co_filename, code.co_qualname, code.co_firstlineno) == (module, old.co_qualname, old.co_firstlineno):
            function.__code__ = new
    for cached in [obj for obj in gc.get_objects() if isinstance(obj, functools._lru_cache_wrapper)]:
        if getattr(cached.__wrapped__, "__module__", "").startswith("gitops_agent"):
            cached.cache_clear()


def _code(module: CodeType, qualname: str) -> CodeType:
    open_codes = [module]
    while open_codes:
        code = open_codes.pop()
        if code.co_qualname == qualname:
            return code
        open_codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    raise LookupError(qualname)
