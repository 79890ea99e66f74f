#!/usr/bin/env bash
# tmdbv3api 1.10.0: what is set on one client is set on all, and so is what one was answered.
#
# Key, language and cache of a client are kept in the environment of the process, and with them
# the page and the pages of the last answer, whoever asked. Titles in German beside titles in
# English, by two clients, are all in the language that was set last; a loop over the pages of one
# search, with another search inside, ends where the other one does. Programs that are started
# from it inherit all of that, the key among it. The session is replaced; nothing else is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tmdbv3api==1.10.0
cd "$work"
cat > run.py <<'PY'
import subprocess
import sys
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

from tmdbv3api import Search, TMDb

PAGES = {"many": 7, "few": 1}


class Session:
    def request(self, method, url, **more):
        asked = parse_qs(urlsplit(url).query)
        print("asked for", asked["query"][0], "in", asked["language"][0], "with", asked["api_key"][0])
        data = {"page": 1, "total_pages": PAGES[asked["query"][0]], "total_results": 1, "results": []}
        return SimpleNamespace(headers={}, json=lambda: data)


german, english = TMDb(session=Session()), TMDb()
german.api_key, german.language, german.cache = "one", "de", False
english.api_key, english.language = "two", "en"
print("German:", german.language, german.api_key)
many, few = Search(), Search()
many.movies("many")
print("pages:", many.total_pages)
few.movies("few")
print("pages:", many.total_pages)
show = "import os; print('a program sees', os.environ['TMDB_API_KEY'])"
subprocess.run([sys.executable, "-c", show], check=True)
PY
"$work/venv/bin/python" -u run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
German: en two
asked for many in en with two
pages: 7
asked for few in en with two
pages: 1
a program sees two
TXT
diff expected.txt seen.txt && cat seen.txt
