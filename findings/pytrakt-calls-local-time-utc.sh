#!/usr/bin/env bash
# pytrakt 4.4.6 with PlexAPI 4.18.3: a film was watched hours before or after it was.
#
# PlexAPI reads Plex's seconds as a time without a zone, in the machine's own; pytrakt writes a
# time as it is told and puts a Z behind it. Each is right by itself, and in Tokyo a film that was
# seen in the evening goes to Trakt as seen nine hours later. Only where the machine is in UTC,
# as in most containers, is it right. PlexAPI can be told of a zone, and pytrakt ignores it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pytrakt==4.4.6 PlexAPI==4.18.3
cd "$work"
cat > run.py <<'PY'
import os
from datetime import datetime, timezone

from plexapi.utils import setDatetimeTimezone, toDatetime
from trakt.utils import timestamp

seconds = "1700000000"
truth = datetime.fromtimestamp(int(seconds), timezone.utc)
print(os.environ["TZ"], timestamp(toDatetime(seconds)), "of", timestamp(truth), end=" ")
setDatetimeTimezone("Asia/Tokyo")
print("| told of Tokyo:", timestamp(toDatetime(seconds)))
PY
for zone in UTC Asia/Tokyo America/New_York; do
    TZ=$zone "$work/venv/bin/python" run.py
done > seen.txt 2>&1 || { cat seen.txt; exit 1; }
cat > expected.txt <<'TXT'
UTC 2023-11-14T22:13:20.000Z of 2023-11-14T22:13:20.000Z | told of Tokyo: 2023-11-15T07:13:20.000Z
Asia/Tokyo 2023-11-15T07:13:20.000Z of 2023-11-14T22:13:20.000Z | told of Tokyo: 2023-11-15T07:13:20.000Z
America/New_York 2023-11-14T17:13:20.000Z of 2023-11-14T22:13:20.000Z | told of Tokyo: 2023-11-15T07:13:20.000Z
TXT
diff expected.txt seen.txt && cat seen.txt
