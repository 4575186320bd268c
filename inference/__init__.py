"""What paints: Runs, the Scheduler that batches their steps, and the Engines that call the models."""
