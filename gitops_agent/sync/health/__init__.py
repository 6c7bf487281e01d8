"""Health of a live object: a status with its reason, purely computed."""

from gitops_agent.sync.health.rules import RULES, Rule, assess, rule_for
from gitops_agent.sync.health.status import Health, Status, worst

__all__ = ["RULES", "Health", "Rule", "Status", "assess", "rule_for", "worst"]
