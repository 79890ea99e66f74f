"""Settings, paths and text, checked and made safe. Pure: no file, socket or clock."""
