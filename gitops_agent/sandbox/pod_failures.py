"""Failures of pods in the sandbox, and their annotations.

What KWOK does about it stands in `pod_failures.yaml`; this is the vocabulary for those who write manifests for tests and demos.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

STAGES = Path(__file__).with_name("pod_failures.yaml")
"""KWOK's instructions."""

POD = "sandbox.gitops-agent.dev/pod"
"""Annotation on a pod (template): one of `PodFailure`."""

EXIT_CODE = "sandbox.gitops-agent.dev/exit-code"
"""Annotation beside `PodFailure.CRASH`: the exit code, 1 when absent."""

LAST_WORDS = "sandbox.gitops-agent.dev/last-words"
"""Annotation beside `PodFailure.CRASH`: the container's termination message."""

RUN_FOR = "sandbox.gitops-agent.dev/run-for"
"""Annotation on a pod that completes (restartPolicy OnFailure or Never): for how long it runs, e.g. `3s`; 0.2 s when absent."""


class PodFailure(StrEnum):
    """How a pod fails."""

    CRASH = "crash"
    HANG = "hang"
    NO_PULL = "no-pull"
    PROBE_FAILS = "probe-fails"
