"""The hook, the worker it starts, the merge, and the tasks."""
