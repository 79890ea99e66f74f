#!/usr/bin/env bash
# PlexMusicRatingsSync 2.2.0: a rating that it wrote into an M4A file it never finds again.
#
# It writes the freeform atom ----:com.apple.iTunes:RATE and reads the atom "rate". Each has its
# own name, so that the file counts as unrated: what was exported from one Plex is not imported
# into the next, and nobody is told. In FLAC, where both are RATING, it comes back.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    PlexMusicRatingsSync==2.2.0 mutagen==1.47.0 av==18.1.0
cd "$work"
HOME=$work "$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import av
from mutagen import File
from plex_music_ratings_sync.logger import init_logging
from plex_music_ratings_sync.ratings import get_rating_from_file, set_rating_to_file

init_logging(quiet=True, verbose=False)
for name, codec, form in (("track.flac", "flac", "s16"), ("track.m4a", "aac", "fltp")):
    with av.open(name, "w") as track:
        stream = track.add_stream(codec, rate=48_000, layout="stereo", format=form)
        silence = av.AudioFrame(format=form, layout="stereo", samples=1024)
        silence.sample_rate = 48_000
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        track.mux(stream.encode(silence))
        track.mux(stream.encode(None))
    set_rating_to_file(name, 8)
    tags = {key: value for key, value in File(name).tags.items() if "rat" in key.lower()}
    print(name, "| in the file:", tags, "| read:", get_rating_from_file(name))
PY
cat > expected.txt <<'TXT'
track.flac | in the file: {'rating': ['80']} | read: 8
track.m4a | in the file: {'----:com.apple.iTunes:RATE': [MP4FreeForm(b'80', <AtomDataType.UTF8: 1>)]} | read: None
TXT
diff expected.txt seen.txt && cat seen.txt
