"""The process: clock, queues, workers, leadership, and the order of the stages."""
