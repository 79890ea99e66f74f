"""Three ways into one: base, theirs and ours give an edit. Pure, without any input or output."""
