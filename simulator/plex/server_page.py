"""What the server says about itself: ``/``, ``/identity``, ``/library`` and ``/activities``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulator.plex.pages import TAG_PREFIX, TAG_VERSION
from simulator.plex.xml import Attributes, Element

if TYPE_CHECKING:
    from simulator.plex.library import Library

VERSION: Final = "1.43.1.10611-1e34174b1"
_FEATURES: Final = (
    "adaptive_bitrate,collections,content_filter,federated-auth,hardware_transcoding,home,"
    "item_clusters,livetv,lyrics,pass,radio,session_kick,shared-radio,sync,trailers,"
    "type-first,webhooks"
)
_DIRECTORIES: Final = (
    "actions activities butler channels clients devices diagnostics hubs library livetv media "
    "metadata music neighborhood player playlists playQueues resources search security servers "
    "statistics system transcode updater"
).split()


@dataclass(frozen=True, slots=True)
class ServerPage:
    """The server's name and identity.

    ``machine_id`` is the 40 hex digits by which clients know the server.
    """

    name: str
    machine_id: str
    started_at: int
    plex_pass: bool = True

    def root(self) -> Element:
        """The page behind ``/``."""
        attributes: Attributes = {
            "size": len(_DIRECTORIES),
            "allowCameraUpload": True,
            "allowChannelAccess": True,
            "allowMediaDeletion": True,
            "allowSharing": True,
            "allowSync": True,
            "allowTuners": True,
            "apiVersion": "1.2.0",
            "backgroundProcessing": True,
            "certificate": True,
            "companionProxy": True,
            "countryCode": "usa",
            "diagnostics": "logs,databases,streaminglogs",
            "eventStream": True,
            "friendlyName": self.name,
            "hubSearch": True,
            "itemClusters": True,
            "livetv": 7,
            "machineIdentifier": self.machine_id,
            "mediaProviders": True,
            "multiuser": True,
            "musicAnalysis": 2,
            "myPlex": True,
            "myPlexMappingState": "mapped",
            "myPlexSigninState": "ok",
            "myPlexSubscription": self.plex_pass,
            "myPlexUsername": "owner@example.org",
            "offlineTranscode": 1,
            "ownerFeatures": _FEATURES,
            "platform": "Linux",
            "platformVersion": "6.17.0-23-generic",
            "pluginHost": True,
            "pushNotifications": False,
            "readOnlyLibraries": False,
            "streamingBrainABRVersion": 3,
            "streamingBrainVersion": 2,
            "sync": True,
            "transcoderActiveVideoSessions": 0,
            "transcoderAudio": True,
            "transcoderLyrics": True,
            "transcoderPhoto": True,
            "transcoderSubtitles": True,
            "transcoderVideo": True,
            "transcoderVideoBitrates": "64,96,208,320,720,1500,2000,3000,4000,8000,10000",
            "transcoderVideoQualities": "0,1,2,3,4,5,6,7,8,9,10",
            "transcoderVideoResolutions": "128,128,160,240,320,480,768,720,720,1080,1080",
            "updatedAt": self.started_at,
            "updater": True,
            "version": VERSION,
            "voiceSearch": True,
        }
        directories = [
            Element("Directory", {"count": 1, "key": name, "title": name}) for name in _DIRECTORIES
        ]
        return Element("MediaContainer", attributes, directories)

    def identity(self) -> Element:
        """The page behind ``/identity``, which needs no token."""
        return Element(
            "MediaContainer",
            {
                "size": 0,
                "apiVersion": "1.2.0",
                "claimed": True,
                "machineIdentifier": self.machine_id,
                "version": VERSION,
            },
        )

    def library(self) -> Element:
        """The page behind ``/library``."""
        titles = (("sections", "Library Sections"), ("recentlyAdded", "Recently Added Content"))
        entries = [Element("Directory", {"key": key, "title": title}) for key, title in titles]
        entries.append(Element("Directory", {"key": "onDeck", "title": "On Deck Content"}))
        return Element(
            "MediaContainer",
            {
                "size": len(entries),
                "allowSync": False,
                "art": "/:/resources/library-art.png",
                "content": "",
                "identifier": "com.plexapp.plugins.library",
                "mediaTagPrefix": TAG_PREFIX,
                "mediaTagVersion": TAG_VERSION,
                "title1": "Plex Library",
                "title2": "",
            },
            entries,
        )

    def activities(self, library: Library) -> Element:
        """The page behind ``/activities``: one entry for each scan that is running."""
        running = [
            Element(
                "Activity",
                {
                    "uuid": section.uuid,
                    "type": "library.update.section",
                    "cancellable": False,
                    "userID": 1,
                    "title": "Scanning the library",
                    "subtitle": section.title,
                    "progress": 50,
                },
            )
            for section in library.sections.values()
            if section.refreshing
        ]
        return Element("MediaContainer", {"size": len(running)}, running)
