#!/usr/bin/env bash
# py-subtitle-extractor 1.0.6: the first subtitle track is the picture, and its times are too late.
#
# The tracks of subtitles are listed from 1, and -t is to take that number. It takes the number
# that a track has in the file, where 1 is the picture as a rule: its bytes come out as SubRip, as
# far as they are text. Matroska tells how long a tick is; here it is a millisecond whatever the
# file says, so that in one with ticks of a tenth of that all is ten times too late. FFmpeg, by
# way of PyAV 18.1.0, has both right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    py-subtitle-extractor==1.0.6 av==18.1.0
cd "$work"
cat > film.py <<'PY'
import struct

import av


def element(number, *parts):
    body = b"".join(parts)
    return bytes.fromhex(number) + struct.pack(">Q", len(body) | 1 << 56) + body


def track(number, kind, codec, *more):
    count = bytes([number])
    return element(
        "ae", element("d7", count), element("73c5", count), element("83", bytes([kind])),
        element("86", codec), *more,
    )


def block(number, at, data):
    shown = element("a1", bytes([0x80 | number]), struct.pack(">h", at), b"\0", data)
    return element("a0", shown, element("9b", struct.pack(">H", 20_000)))


about = element(
    "1549a966", element("2ad7b1", struct.pack(">I", 100_000)), element("4489", struct.pack(">d", 50_000)),
    element("4d80", b"none"), element("5741", b"none"),
)
size = element("e0", element("b0", b"\x10"), element("ba", b"\x10"))
tracks = element("1654ae6b", track(1, 1, b"V_UNCOMPRESSED", size), track(2, 17, b"S_TEXT/UTF8"))
cluster = element("1f43b675", element("e7", b"\0"), block(1, 0, b"(a picture)"), block(2, 10_000, b"Hello."))
head = element("1a45dfa3", element("4282", b"matroska"), element("4287", b"\x04"), element("4285", b"\x02"))
with open("film.mkv", "wb") as film:
    film.write(head + element("18538067", about, tracks, cluster))
with av.open("film.mkv") as film:
    for packet in film.demux():
        if packet.size:
            kind, at = packet.stream.type, float(packet.pts * packet.time_base)
            print("FFmpeg:", kind, bytes(packet).decode(), "at", at, "s")
PY
"$work/venv/bin/python" film.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
for track in "" "-t 1" "-t 2"; do
    said=$("$work/venv/bin/python" -m py_subtitle_extractor film.mkv $track 2>&1 | tr '\r' '\n')
    echo "film.mkv $track:" $(grep -v '^Extracting' <<< "$said")
done >> seen.txt
cat > expected.txt <<'TXT'
FFmpeg: video (a picture) at 0.0 s
FFmpeg: subtitle Hello. at 1.0 s
film.mkv : Available subtitle tracks: 1: track#2 S_TEXT/UTF8 [und]
film.mkv -t 1: 00:00:00,000 --> 00:00:20,000 (a picture)
film.mkv -t 2: 00:00:10,000 --> 00:00:30,000 Hello.
TXT
diff expected.txt seen.txt && cat seen.txt
