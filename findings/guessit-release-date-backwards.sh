#!/usr/bin/env bash
# guessit 4.4.0: the date of a scene release is read backwards.
#
# Release names of this field carry year.month.day in two digits each. guessit takes the
# first pair for the day and the last for the year, and says nothing of doubt: 24.05.17
# becomes the 24th of May 2017. Where the first pair cannot be a day it is right by luck.
# With date_year_first it reads them as meant. The film is called an episode in any case.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check guessit==4.4.0 rebulk==6.0.1
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from guessit import guessit

for name in ("Studio.24.05.17.Jane.Doe.Title.XXX.1080p.mp4", "Studio.12.11.10.Jane.Doe.mp4"):
    plain, told = guessit(name), guessit(name, {"date_year_first": True})
    print(plain["date"], plain["type"], "| year first:", told["date"], told["type"])
PY
cat > expected.txt <<'TXT'
2017-05-24 episode | year first: 2024-05-17 episode
2010-11-12 episode | year first: 2012-11-10 episode
TXT
diff expected.txt seen.txt && cat seen.txt
