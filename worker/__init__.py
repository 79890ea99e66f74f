"""The hook, the worker that it starts, and all that the worker does with scenes."""
