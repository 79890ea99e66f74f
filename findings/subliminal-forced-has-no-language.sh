#!/usr/bin/env bash
# subliminal 2.8.0: subtitles named as Plex names forced ones are in no language.
#
# What stands between the film's name and the ending is read as one language, with "hi" or "sdh"
# for the hard of hearing at either end. "forced", "default" and a language written out are not
# known and take the language with them. And the names need only begin alike: subtitles of another
# video, whose name goes on, are the film's as well, in no language, which is one to be skipped.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check subliminal==2.8.0
cd "$work"
HOME=$work "$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import pathlib

from subliminal.core import search_external_subtitles

FILM = "A Film (2019)"
ENDINGS = (".en", ".en.sdh", ".en.forced", ".en.default", ".English", ".hi", " - Making of.de")
for ending in ENDINGS:
    pathlib.Path(f"{FILM}{ending}.srt").touch()
found = search_external_subtitles(f"{FILM}.mkv")
for ending in ENDINGS:
    subtitle = found[f"{FILM}{ending}.srt"]
    more = "hearing impaired" if subtitle.hearing_impaired else ""
    print(f"{FILM}{ending}.srt", "|", subtitle.language, more)
PY
cat > expected.txt <<'TXT'
A Film (2019).en.srt | en 
A Film (2019).en.sdh.srt | en hearing impaired
A Film (2019).en.forced.srt | und 
A Film (2019).en.default.srt | und 
A Film (2019).English.srt | und 
A Film (2019).hi.srt | hi 
A Film (2019) - Making of.de.srt | und 
TXT
diff expected.txt seen.txt && cat seen.txt
