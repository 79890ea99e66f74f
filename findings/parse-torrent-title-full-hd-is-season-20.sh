#!/usr/bin/env bash
# parse-torrent-title 3.0.1 (npm): 1920x1080 is a film of 1920, and episode 1080 of season 20.
#
# A size written out, as encoders name their files, is no resolution here: "20x1080" is read as
# season and episode, and what stands before it as the year. 3840x2160 is season 40; with
# "1080p" beside it the resolution is there, and season and year are, too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund parse-torrent-title@3.0.1 > /dev/null
cat > run.js <<'JS'
const { parse } = require('parse-torrent-title');

for (const name of ['Holiday 1920x1080.mp4', 'Holiday 3840x2160.mp4', 'Holiday 1080p 1920x1080.mp4', 'Holiday 1080p.mp4']) {
    const { year, season, episode, resolution } = parse(name);
    console.log(name, '|', year, season, episode, resolution);
}
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
Holiday 1920x1080.mp4 | 1920 20 1080 undefined
Holiday 3840x2160.mp4 | undefined 40 2160 undefined
Holiday 1080p 1920x1080.mp4 | 1920 20 1080 1080p
Holiday 1080p.mp4 | undefined undefined undefined 1080p
TXT
diff expected.txt seen.txt && cat seen.txt
