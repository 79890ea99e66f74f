"""What Stash runs by name: its tasks, and the operations that the pages ask for."""
