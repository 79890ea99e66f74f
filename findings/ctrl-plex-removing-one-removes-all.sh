#!/usr/bin/env bash
# @ctrl/plex 3.12.1 (npm): to remove one genre is to ask for the removal of all.
#
# The tags that the item has are put into the request where some are removed, and left out where
# some are added: PlexAPI in Python, after which it is made, does it the other way round. A comma
# parts the names and is not told from one inside a name. The field is locked as well, so that no
# refresh brings them back. What PMS makes of it is not shown here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @ctrl/plex@3.12.1 > /dev/null
cat > run.mjs <<'JS'
import http from 'node:http';
import { Movie, PlexServer } from '@ctrl/plex';

const film = {
  ratingKey: '7', key: '/library/metadata/7', type: 'movie', title: 'A film', librarySectionID: 1,
  Genre: [{ tag: 'Comedy' }, { tag: 'Drama' }, { tag: 'Crime, true' }],
};
const server = http.createServer((request, response) => {
  const { searchParams } = new URL(request.url, 'http://plex');
  if (request.method === 'PUT') {
    for (const [name, value] of searchParams) {
      if (name.startsWith('genre')) console.log('  ', name, '=', value);
    }
  }
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ MediaContainer: { size: 1, Metadata: [film] } }));
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const plex = new PlexServer(`http://127.0.0.1:${server.address().port}`, 'none');
const movie = new Movie(plex, film, film.key);
console.log('remove Drama:');
await movie.removeGenre(['Drama']);
console.log('add Western:');
await movie.addGenre(['Western']);
process.exit(0);
JS
node run.mjs > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
remove Drama:
   genre[].tag.tag- = Comedy,Drama,Crime, true,Drama
   genre.locked = 1
add Western:
   genre[0].tag.tag = Western
   genre.locked = 1
TXT
diff expected.txt seen.txt && cat seen.txt
