#!/usr/bin/env bash
# @lukehagar/plexjs 0.43.0 (npm): a film that has an id of IMDb cannot be read.
#
# In Plex's OpenAPI document Guid and Rating are lists of tags, and a tag's id is a whole number;
# plexjs takes it at its word. PMS lists {"id": "imdb://tt1234567"} there, and the whole answer
# is refused. The ratings of others come as empty objects, and Plex's own guid stands under
# additionalProperties, since guid, with a small letter, is the list.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @lukehagar/plexjs@0.43.0 > /dev/null
cat > run.js <<'JS'
const http = require('http');
const { PlexAPI } = require('@lukehagar/plexjs');

const FILM = { ratingKey: '7', type: 'movie', title: 'A film', guid: 'plex://movie/a' };
let more = {};
const server = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ MediaContainer: { size: 1, Metadata: [{ ...FILM, ...more }] } }));
});
server.listen(0, '127.0.0.1', async () => {
    const serverURL = `http://127.0.0.1:${server.address().port}`;
    const plex = new PlexAPI({ token: 'none', serverURL });
    for (more of [
        { Rating: [{ image: 'imdb://image.rating', value: 7.1, type: 'audience' }] },
        { Guid: [{ id: 'imdb://tt1234567' }] },
    ]) {
        const seen = await plex.content.getMetadataItem({ ids: ['7'] }).then(
            (answer) => answer.mediaContainerWithMetadata.mediaContainer.metadata[0],
            (error) => error.name,
        );
        console.log(Object.keys(more)[0], JSON.stringify(seen));
    }
    process.exit(0);
});
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
Rating {"title":"A film","type":"movie","ratingArray":[{}],"ratingKey":"7","additionalProperties":{"guid":"plex://movie/a"}}
Guid "ResponseValidationError"
TXT
diff expected.txt seen.txt && cat seen.txt
