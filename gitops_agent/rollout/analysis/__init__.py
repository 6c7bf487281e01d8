"""Analysis: from what a metric said to whether a rollout goes on; pure, the sending of requests lies elsewhere."""
