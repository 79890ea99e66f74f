#!/usr/bin/env bash
# parse-torrent-name 0.5.4 (npm) and 1.1.1 (PyPI): no film is newer than 2019.
#
# Their year is one of 1900 to 2019. A film of 2020 or later has none, and where the year stands
# without brackets it becomes a part of the title; a film of 2024 with an older year in its title
# is of that year. parse-torrent-title 2.8.2 (PyPI), the last column, reads all of them, and is the
# module PTN as well: where both are installed, the later one is written over the other.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in parse-torrent-name==1.1.1 parse-torrent-title==2.8.2; do
    python3 -m venv "$work/${package%%=*}"
    "$work/${package%%=*}/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund parse-torrent-name@0.5.4 > /dev/null
cat > names.txt <<'TXT'
A.Film.2019.1080p.BluRay.x264.mkv
A.Film.2020.1080p.BluRay.x264.mkv
A.Film.(2024).1080p.WEB-DL.mkv
A.Night.in.2012.(2024).1080p.mkv
TXT
cat > run.js <<'JS'
const names = require('fs').readFileSync('names.txt', 'utf8').trim().split('\n');
for (const { title, year } of names.map(require('parse-torrent-name'))) console.log(title, year ?? 'none');
JS
cat > run.py <<'PY'
import PTN

with open("names.txt") as names:
    for name in names.read().split():
        found = PTN.parse(name)
        print(found["title"], found.get("year", "none"))
PY
node run.js > npm.txt
parse-torrent-name/bin/python run.py > pypi.txt
parse-torrent-title/bin/python run.py > other.txt
paste -d '|' npm.txt pypi.txt other.txt > seen.txt
cat > expected.txt <<'TXT'
A Film 2019|A Film 2019|A Film 2019
A Film 2020 none|A Film 2020 none|A Film 2020
A Film none|A Film none|A Film 2024
A Night in 2012|A Night in 2012|A Night in 2012 2024
TXT
diff expected.txt seen.txt && cat seen.txt
