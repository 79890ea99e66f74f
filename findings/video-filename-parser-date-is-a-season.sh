#!/usr/bin/env bash
# @ctrl/video-filename-parser 5.4.1 (npm): a date with hyphens is season 2024, episode 17.
#
# "Show - 2024-05-17 - Title", as Plex wants shows by date to be named, loses its date and its
# title; with dots the date is found. It is midnight of the machine's own time zone then: as
# JSON it is the day before, wherever that is east of Greenwich.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @ctrl/video-filename-parser@5.4.1 > /dev/null
cat > run.mjs <<'JS'
import { filenameParse } from '@ctrl/video-filename-parser';

for (const name of ['Show - 2024-05-17 - Title.mp4', 'Show.2024.05.17.Title.mp4']) {
  const found = filenameParse(name, true);
  console.log(process.env.TZ, '|', name, '|', JSON.stringify([found.title, found.seasons, found.episodeNumbers, found.airDate]));
}
JS
for zone in America/New_York Asia/Tokyo; do
    TZ=$zone node run.mjs
done > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
America/New_York | Show - 2024-05-17 - Title.mp4 | ["",[2024],[17],null]
America/New_York | Show.2024.05.17.Title.mp4 | ["Show",[],[],"2024-05-17T04:00:00.000Z"]
Asia/Tokyo | Show - 2024-05-17 - Title.mp4 | ["",[2024],[17],null]
Asia/Tokyo | Show.2024.05.17.Title.mp4 | ["Show",[],[],"2024-05-16T15:00:00.000Z"]
TXT
diff expected.txt seen.txt && cat seen.txt
