"""Analysis: from a metric's answer to a verdict; pure."""
