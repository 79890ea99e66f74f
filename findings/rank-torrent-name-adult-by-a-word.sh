#!/usr/bin/env bash
# rank-torrent-name 1.11.1 with parsett 1.8.5: a film shown in cinemas is adult, a studio's is not.
#
# A list of words decides, and "Spring Breakers" is on it, though not with a dot between; with
# the settings as they come such a release is removed. What is found of this field depends on
# the list: Tushy is adult, Vixen and Deeper are not where a release leaves out the XXX. Where
# a title begins with XXX, those letters are taken out of it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    rank-torrent-name==1.11.1 parsett==1.8.5
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from RTN import parse
from RTN.models import SettingsModel

print("adult is removed:", SettingsModel().options["remove_adult_content"])
for name in (
    "Spring Breakers 2012 1080p.mkv",
    "Spring.Breakers.2012.1080p.mkv",
    "XXX.Return.of.Xander.Cage.2017.1080p.mkv",
    "Tushy.24.05.17.Jane.Doe.1080p.mp4",
    "Vixen.24.05.17.Jane.Doe.1080p.mp4",
    "Deeper.24.05.17.Jane.Doe.1080p.mp4",
    "Vixen.24.05.17.Jane.Doe.XXX.1080p.mp4",
):
    found = parse(name)
    print(name, "|", found.parsed_title, "|", "adult" if found.adult else "not adult")
PY
cat > expected.txt <<'TXT'
adult is removed: True
Spring Breakers 2012 1080p.mkv | Spring Breakers | adult
Spring.Breakers.2012.1080p.mkv | Spring Breakers | not adult
XXX.Return.of.Xander.Cage.2017.1080p.mkv | Return of Xander Cage | adult
Tushy.24.05.17.Jane.Doe.1080p.mp4 | Tushy | adult
Vixen.24.05.17.Jane.Doe.1080p.mp4 | Vixen | not adult
Deeper.24.05.17.Jane.Doe.1080p.mp4 | Deeper | not adult
Vixen.24.05.17.Jane.Doe.XXX.1080p.mp4 | Vixen | adult
TXT
diff expected.txt seen.txt && cat seen.txt
