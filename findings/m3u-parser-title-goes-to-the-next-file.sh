#!/usr/bin/env bash
# m3u-parser 0.4.2, m3u-ipytv 1.0.2, m3u-parser-generator 5.0.2 (npm): one playlist is three lists.
#
# A file named relative to its playlist is none for m3u-parser, and its title belongs to the
# file after it. It looks for a file two lines down at most, so one that has both a group and an
# option is left out. It and m3u-parser-generator begin the title at the first comma, though that
# be between quotation marks. m3u-ipytv alone has the four films and their titles, but it moves
# the title of the playlist into the first of them, and writes it there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check m3u-parser==0.4.2 m3u-ipytv==1.0.2
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund m3u-parser-generator@5.0.2 > /dev/null
cat > list.m3u <<'TXT'
#EXTM3U
#PLAYLIST:Evening
#EXTINF:123 group-title="Drama, old",First
/films/first.mp4
#EXTINF:-1,Second
#EXTGRP:Late
#EXTVLCOPT:start-time=30
/films/second.mp4
#EXTINF:60,Third
films/third.mp4
/films/fourth.mp4
TXT
cat > run.py <<'PY'
from ipytv import playlist
from m3u_parser import M3uParser

found = M3uParser()
found.parse_m3u("list.m3u", check_live=False)
print("m3u-parser", [(one["name"], one["url"]) for one in found.get_list()])
films = playlist.loadf("list.m3u")
print("m3u-ipytv", [(one.name, one.url) for one in films.get_channels()])
print(films.to_m3u_plus_playlist().splitlines()[:3])
PY
cat > run.js <<'JS'
const { readFileSync } = require('node:fs');
const { M3uParser } = require('m3u-parser-generator');

const found = new M3uParser().parse(readFileSync('list.m3u', 'utf8')).medias;
console.log('m3u-parser-generator', JSON.stringify(found.map((one) => [one.name, one.location])));
JS
{ venv/bin/python run.py && node run.js; } > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
m3u-parser [('old",First', '/films/first.mp4'), ('Third', '/films/fourth.mp4')]
m3u-ipytv [('First', '/films/first.mp4'), ('Second', '/films/second.mp4'), ('Third', 'films/third.mp4'), ('', '/films/fourth.mp4')]
['#EXTM3U', '#EXTINF:123 group-title="Drama, old",First', '#PLAYLIST:Evening']
m3u-parser-generator [[" old\",First","/films/first.mp4"],["Second","/films/second.mp4"],["Third","films/third.mp4"],[null,"/films/fourth.mp4"]]
TXT
diff expected.txt seen.txt && cat seen.txt
