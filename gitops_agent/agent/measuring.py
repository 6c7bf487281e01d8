from __future__ import annotations
from dataclasses import dataclass
from datetime import datetime
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.rollout.observation import Measurement
from gitops_agent.api.rollout_metrics import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    policy: AppKey
    namespace: str
    workload: str
    canary: str
    service: str
    hash: str
    metrics: tuple[Metric, ...]
    hold: str
    since: datetime


class Measuring:
    def __init__(self, secret, objects, *, look): ...
    def want(self, assignment: Assignment) -> None: ...
    def drop(self, policy: AppKey) -> None: ...
    def results(self, policy: AppKey) -> tuple[Measurement, ...]:
        return ()

    def shown(self, policy: AppKey) -> tuple[Object, ...]:
        return ()

    def start(self) -> None: ...
    def stop(self) -> None: ...
