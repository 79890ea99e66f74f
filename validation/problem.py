"""What is wrong with the settings, in the words of the person who mends them."""

from __future__ import annotations

from dataclasses import dataclass

from errors import ConfigurationError


@dataclass(frozen=True)
class Problem:
    """One setting that PlexSync cannot use as it stands.

    Attributes:
        setting: Its key, such as ``plex_url``.
        message: What is wrong and how to mend it; no secret, and with
            redact_logs on no path.
    """

    setting: str
    message: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.message}"


class SettingsError(ConfigurationError):
    """Settings that cannot be used: the queue waits until they are mended.

    Args:
        problems: At least one.

    Attributes:
        setting: The first problem's setting.
        problems: All problems.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        things = "this setting is" if len(problems) == 1 else "these settings are"
        listed = " | ".join(map(str, problems))
        message = (
            f"PlexSync waits until {things} mended (Settings > Plugins > PlexSync); "
            f"nothing is lost meanwhile. {listed}"
        )
        super().__init__(message, setting=problems[0].setting)
        self.problems = problems
