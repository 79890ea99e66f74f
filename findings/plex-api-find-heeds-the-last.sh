#!/usr/bin/env bash
# plex-api 5.3.2 (npm): find() heeds the last of several conditions, and part of a value fits it.
#
# Each condition is a regular expression that may fit anywhere, so that key "1" finds 10 and 21
# as well; of several, the answer of the last is the answer. To look for a library by type and
# by key gives libraries of the other type.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund plex-api@5.3.2 > /dev/null
cat > run.js <<'JS'
const http = require('http');
const PlexAPI = require('plex-api');

const libraries = [
    { key: '1', type: 'movie', title: 'Films' },
    { key: '10', type: 'movie', title: 'Old films' },
    { key: '21', type: 'show', title: 'Series' },
];
const server = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ MediaContainer: { size: 3, Directory: libraries } }));
});
server.listen(0, '127.0.0.1', async () => {
    const plex = new PlexAPI({ hostname: '127.0.0.1', port: server.address().port, token: 'none' });
    for (const wanted of [{ key: '1' }, { type: 'movie', key: '1' }, { key: '^1$', type: 'movie' }]) {
        const found = await plex.find('/library/sections', wanted);
        console.log(JSON.stringify(wanted), found.map((one) => one.title).join(', '));
    }
    process.exit(0);
});
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
{"key":"1"} Films, Old films, Series
{"type":"movie","key":"1"} Films, Old films, Series
{"key":"^1$","type":"movie"} Films, Old films
TXT
diff expected.txt seen.txt && cat seen.txt
