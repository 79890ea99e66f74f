"""The online agent of movie and show libraries: what it knows about a catalogue file."""

from __future__ import annotations

from simulator.library import catalogue_scene


def agent_answer(number: int) -> tuple[dict[str, str | int], dict[str, list[str]]]:
    """(fields, tags) the agent has for scene ``number``; never quite what Stash says."""
    scene = catalogue_scene(number)
    fields: dict[str, str | int] = {
        "title": f"{scene.title} (agent)",
        "summary": f"Found online: {scene.title}",
        "studio": scene.studio,
        "originallyAvailableAt": scene.date,
        "year": int(scene.date[:4]),
    }
    return fields, {"genre": list(scene.tags), "actor": list(scene.performers)}
