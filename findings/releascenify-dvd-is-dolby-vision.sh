#!/usr/bin/env bash
# releascenify 0.21.0: whatever was copied from a DVD is in Dolby Vision, and so is an adventure.
#
# "DV" is looked for in the whole name, in capitals, without a look at what stands around it: it
# is in DVDRip and in "Adventure". It counts for more than the sound, the source or the codec, so
# that the copy of a DVD is a better release than one from a Blu-ray of the same height, and of
# two films the one with those letters in its title is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check releascenify==0.21.0
cd "$work"
cat > run.py <<'PY'
from releascenify import get_quality_score, is_better_release, parse_filename

names = (
    "A.Film.2004.720p.DVDRip.x264-GRP.mkv",
    "A.Film.2004.720p.BluRay.AC3.x264-GRP.mkv",
    "An.Adventure.2004.720p.BluRay.x264-GRP.mkv",
    "An.Outing.2004.720p.BluRay.x264-GRP.mkv",
)
found = [parse_filename(name) for name in names]
for name, release in zip(names, found, strict=True):
    print(name, release["v_quality"] or None, get_quality_score(release))
print("DVD better than Blu-ray:", is_better_release(found[0], found[1]))
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
A.Film.2004.720p.DVDRip.x264-GRP.mkv DV 225
A.Film.2004.720p.BluRay.AC3.x264-GRP.mkv None 215
An.Adventure.2004.720p.BluRay.x264-GRP.mkv DV 235
An.Outing.2004.720p.BluRay.x264-GRP.mkv None 210
DVD better than Blu-ray: True
TXT
diff expected.txt seen.txt && cat seen.txt
