"""The pipeline of one run, from a task's rows to its numbers; its executors are the only step that costs money."""
