"""Finds the items in Plex that hold a scene's files, or says why there is none."""
