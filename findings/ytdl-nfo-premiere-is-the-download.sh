#!/usr/bin/env bash
# ytdl-nfo 0.3.0: a video without a date of upload was first shown on the day it was downloaded.
#
# yt-dlp leaves out of its info.json what a site does not tell. Without upload_date the NFO's
# <premiered> is made of epoch, which is when the file was fetched, though release_date stands
# beside it; and in the machine's own time zone, so that it is another day by where that is. A
# video without a description has a KeyError in place of an NFO.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ytdl-nfo==0.3.0 setuptools==65.5.0
cd "$work"
cat > run.py <<'PY'
import json
import os

from ytdl_nfo.Ytdl_nfo import Ytdl_nfo

KNOWN = {
    "id": "a1", "title": "A video", "extractor": "vimeo", "uploader": "Jane Doe",
    "release_date": "20190524", "epoch": 1715898600,
}
for more in ({"description": "Words"}, {}):
    with open("video.info.json", "w") as file:
        json.dump({**KNOWN, **more}, file)
    try:
        Ytdl_nfo("video.info.json").process()
    except KeyError as error:
        print(os.environ["TZ"], "KeyError:", error)
        continue
    with open("video.nfo") as file:
        print(os.environ["TZ"], *[line.strip() for line in file if "premiered" in line])
PY
for zone in America/New_York Asia/Tokyo; do
    TZ=$zone "$work/venv/bin/python" -W ignore run.py
done > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
America/New_York <premiered>2024-05-16</premiered>
America/New_York KeyError: 'description'
Asia/Tokyo <premiered>2024-05-17</premiered>
Asia/Tokyo KeyError: 'description'
TXT
diff expected.txt seen.txt && cat seen.txt
