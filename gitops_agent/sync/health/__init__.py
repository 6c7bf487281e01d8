"""Health: from a live object to one of six verdicts with its reason; pure, a table of small functions."""

from gitops_agent.sync.health.rules import RULES, Rule, assess, rule_for
from gitops_agent.sync.health.status import Health, Status, worst

__all__ = ["RULES", "Health", "Rule", "Status", "assess", "rule_for", "worst"]
