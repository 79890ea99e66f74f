#!/usr/bin/env bash
# @ctrl/plex 3.12.1 (npm): a film that nobody watched was never changed, and playlists are of 1970.
#
# updatedAt is set where the item has a time at which it was last viewed, and is undefined
# otherwise, though PMS sent it. To look for what changed since the last run finds watched films
# alone. Films and libraries count in seconds, as PMS does; a playlist's times are taken for
# milliseconds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @ctrl/plex@3.12.1 > /dev/null
cat > run.mjs <<'JS'
import { Movie, Playlist, PlexServer } from '@ctrl/plex';

const plex = new PlexServer('http://127.0.0.1:1', 'none');
const data = { ratingKey: '7', key: '/library/metadata/7', addedAt: 1715900000, updatedAt: 1716000000 };
for (const [what, one] of [
  ['never viewed:', new Movie(plex, { ...data, type: 'movie' })],
  ['viewed:', new Movie(plex, { ...data, type: 'movie', lastViewedAt: 1700000000 })],
  ['playlist:', new Playlist(plex, { ...data, type: 'playlist' })],
]) console.log(what, 'added', one.addedAt.toISOString(), 'updated', one.updatedAt?.toISOString());
JS
node run.mjs > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
never viewed: added 2024-05-16T22:53:20.000Z updated undefined
viewed: added 2024-05-16T22:53:20.000Z updated 2024-05-18T02:40:00.000Z
playlist: added 1970-01-20T20:38:20.000Z updated 1970-01-20T20:40:00.000Z
TXT
diff expected.txt seen.txt && cat seen.txt
