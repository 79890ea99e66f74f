#!/usr/bin/env bash
# enzyme 0.5.2, pymediainfo 7.0.1 and PyAV 18.1.0: one track is English and has no language.
#
# A Matroska track that names no language is English by the format, so that it may be left out.
# MediaInfo and FFmpeg, by way of the last two, say so; enzyme says none, and who asks it whether
# there is an English track already is told that there is not. A newer element has the language as
# the web writes it, and the old one is to be ignored beside it: MediaInfo alone does, and tells
# pt-BR from Portuguese.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    enzyme==0.5.2 pymediainfo==7.0.1 av==18.1.0
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import struct

import av
from enzyme import MKV
from pymediainfo import MediaInfo


def element(number, *parts):
    body = b"".join(parts)
    return bytes.fromhex(number) + struct.pack(">Q", len(body) | 1 << 56) + body


def track(number, *more):
    count = bytes([number])
    sound = element("e1", element("b5", struct.pack(">d", 48_000)), element("9f", b"\x02"))
    return element(
        "ae", element("d7", count), element("73c5", count), element("83", b"\x02"),
        element("86", b"A_VORBIS"), *more, sound,
    )


def seek(number, place):
    there = element("53ac", struct.pack(">Q", place))
    return element("4dbb", element("53ab", bytes.fromhex(number)), there)


about = element(
    "1549a966", element("2ad7b1", b"\x0f\x42\x40"), element("4489", struct.pack(">d", 1000)),
    element("4d80", b"none"), element("5741", b"none"),
)
WRITTEN = ("none", "und", "por", "por and pt-BR")
tracks = element(
    "1654ae6b", track(1), track(2, element("22b59c", b"und")), track(3, element("22b59c", b"por")),
    track(4, element("22b59c", b"por"), element("22b59d", b"pt-BR")),
)
size = len(element("114d9b74", seek("1549a966", 0), seek("1654ae6b", 0)))
places = element("114d9b74", seek("1549a966", size), seek("1654ae6b", size + len(about)))
cluster = element("1f43b675", element("e7", b"\0"), element("a3", b"\x81\0\0\x80none"))
head = element("1a45dfa3", element("4282", b"matroska"), element("4287", b"\x04"), element("4285", b"\x02"))
with open("film.mkv", "wb") as film:
    film.write(head + element("18538067", places, about, tracks, cluster))

with open("film.mkv", "rb") as film:
    by_enzyme = [one.language for one in MKV(film).audio_tracks]
by_mediainfo = [one.language for one in MediaInfo.parse("film.mkv").audio_tracks]
with av.open("film.mkv") as film:
    by_ffmpeg = [stream.language for stream in film.streams]
print("written | enzyme | MediaInfo | FFmpeg")
for row in zip(WRITTEN, by_enzyme, by_mediainfo, by_ffmpeg, strict=True):
    print(*row, sep=" | ")
PY
cat > expected.txt <<'TXT'
written | enzyme | MediaInfo | FFmpeg
none | None | en | eng
und | und | None | None
por | por | pt | por
por and pt-BR | por | pt-BR | por
TXT
diff expected.txt seen.txt && cat seen.txt
