"""The pipeline: read, match, merge, write and record, for one scene or many."""
