#!/usr/bin/env bash
# guessit 4.4.0: product codes and a VR film's angle become season and episode.
#
# A code such as ABP-123 is season 1, episode 23; with a leading zero there is a season 0;
# _180_, the angle of a VR film, is season 1, episode 80. FC2-PPV is a pay-per-view source.
# A library that sorts by guessit's type puts all of them among the series.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check guessit==4.4.0 rebulk==6.0.1
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from guessit import guessit

for name in ("ABP-123 Title.mp4", "SSIS-001-C.mp4", "Studio - Title_180_LR_8K.mp4", "FC2-PPV-1234567.mp4"):
    found = guessit(name)
    print(name, "|", found["type"], found.get("season"), found.get("episode"), found.get("source"))
PY
cat > expected.txt <<'TXT'
ABP-123 Title.mp4 | episode 1 23 None
SSIS-001-C.mp4 | episode 0 1 None
Studio - Title_180_LR_8K.mp4 | episode 1 80 None
FC2-PPV-1234567.mp4 | movie None None Pay-per-view
TXT
diff expected.txt seen.txt && cat seen.txt
