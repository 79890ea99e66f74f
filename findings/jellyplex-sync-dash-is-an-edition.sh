#!/usr/bin/env bash
# jellyplex-sync 0.5.0: a title with a dash gets an edition, which is the rest of the title.
#
# Jellyfin's way is to write the version of a film behind " - ", and the last such part of a
# file's name is taken for one. Where the title has a dash of its own there always is such a
# part: on the way to Plex, a film that has no version becomes an edition that Plex shows.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jellyplex-sync==0.5.0
cd "$work"
mkdir -p "jellyfin/Alpha - Beta (2017)" "jellyfin/Gamma (2018)"
touch "jellyfin/Alpha - Beta (2017)/Alpha - Beta (2017).mkv" \
    "jellyfin/Gamma (2018)/Gamma (2018).mkv" \
    "jellyfin/Gamma (2018)/Gamma (2018) - Extended.mkv"
"$work/venv/bin/jellyplex-sync" --source-format jellyfin --target-format plex --create \
    jellyfin plex > log.txt 2>&1 || { cat log.txt; exit 1; }
(cd plex && find . -name '*.mkv' | LC_ALL=C sort) > seen.txt
cat > expected.txt <<'TXT'
./Alpha - Beta (2017)/Alpha - Beta (2017) {edition-Beta (2017)}.mkv
./Gamma (2018)/Gamma (2018) {edition-Extended}.mkv
./Gamma (2018)/Gamma (2018).mkv
TXT
diff expected.txt seen.txt && cat seen.txt
