#!/usr/bin/env bash
# guessit-js 3.9.0, @viren070/parse-torrent-title 0.9.1 (npm), guessit 4.4.0: an id is an episode.
#
# Media servers find a film by the id in its name: {imdb-tt0067328} as Plex has it, [tmdbid-12345]
# as Jellyfin has it. guessit returns the id. guessit-js, which is made after it, cuts the digits
# of the id into a season and an episode, calls the film an episode, and gives the rest of the id
# as another title. parse-torrent-title takes an id in braces for the group that released the
# film, the closing brace with it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check guessit==4.4.0
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund guessit-js@3.9.0 @viren070/parse-torrent-title@0.9.1 > /dev/null
cat > names.txt <<'TXT'
Film (2010) {imdb-tt0067328}.mkv
Film (2010) {tmdb-12345}.mkv
Film (2010) [tmdbid-12345].mkv
TXT
cat > run.py <<'PY'
from guessit import guessit

with open("names.txt") as names:
    for found in map(guessit, names.read().splitlines()):
        print("guessit:", found["type"], found.get("imdb_id"), found.get("tmdb_id"))
PY
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { guessit } from 'guessit-js';
import { parseTorrentTitle } from '@viren070/parse-torrent-title';

const names = readFileSync('names.txt', 'utf8').trim().split('\n');
for (const name of names) {
  const { type, season, episode, alternative_title: other } = guessit(name);
  console.log('guessit-js:', type, season, episode, JSON.stringify(other));
}
for (const name of names) console.log('parse-torrent-title:', parseTorrentTitle(name).group);
JS
{ venv/bin/python run.py && node run.mjs; } > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
guessit: movie tt0067328 None
guessit: movie None 12345
guessit: movie None 12345
guessit-js: episode 3 28 "imdb-tt"
guessit-js: episode 12 34 ["tmdb","5"]
guessit-js: episode 12 34 ["tmdbid","5"]
parse-torrent-title: tt0067328}
parse-torrent-title: 12345}
parse-torrent-title: undefined
TXT
diff expected.txt seen.txt && cat seen.txt
