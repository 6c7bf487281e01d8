"""The settings of the agent, and where they come from."""

from __future__ import annotations

from gitops_agent.config.loading import Loaded, load
from gitops_agent.config.settings import Settings

__all__ = ["Loaded", "Settings", "load"]
