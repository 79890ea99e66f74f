#!/usr/bin/env bash
# plexer-cli 1.0.2: of a film in two parts with its subtitles, one part is what is left.
#
# Each video is renamed to the name and year of its folder, and takes the place of the one before.
# What is of no type on a list is deleted. AVI and SubRip stand on it, but for want of commas as one
# long type that no file has; an NFO, which is XML, does not. Nothing is asked with --prompt none,
# and the folder that is to be written to stays empty. Needs libmagic, as plexer does.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check plexer-cli==1.0.2
cd "$work"
cat > film.py <<'PY'
import pathlib

folder = pathlib.Path("from/A.Film.2019.1080p")
folder.mkdir(parents=True)
EBML = bytes.fromhex("1a45dfa393") + b"\x42\x82\x88matroska" + bytes.fromhex("4287810442858102")
for part in ("cd1", "cd2"):
    (folder / f"A.Film.2019.{part}.mkv").write_bytes(EBML + part.encode())
(folder / "trailer.avi").write_bytes(b"RIFF\x58\0\0\0AVI LIST\x4c\0\0\0hdrlavih" + bytes(72))
(folder / "A.Film.2019.en.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nA word\n")
(folder / "A.Film.2019.nfo").write_text('<?xml version="1.0"?>\n<movie><title>A film</title></movie>\n')
PY
python3 film.py
mkdir to
{
    echo before: && find from -type f -printf '   %f\n' | LC_ALL=C sort
    "$work/venv/bin/plexer" --source-dir from --destination-dir to --prompt none > log.txt 2>&1
    echo after: && find from to -type f -printf '   %f\n'
} > seen.txt || { cat log.txt; exit 1; }
cat > expected.txt <<'TXT'
before:
   A.Film.2019.cd1.mkv
   A.Film.2019.cd2.mkv
   A.Film.2019.en.srt
   A.Film.2019.nfo
   trailer.avi
after:
   A Film (2019).mkv
TXT
diff expected.txt seen.txt && cat seen.txt
