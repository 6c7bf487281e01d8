from __future__ import annotations

from gitops_agent.render.request import RenderLimits


def test_the_limits_of_the_program_are_those_of_the_render() -> None:
    limits = RenderLimits(seconds=3, output_bytes=5, memory_bytes=7).process
    assert (limits.seconds, limits.output_bytes, limits.memory_bytes) == (3, 5, 7)
