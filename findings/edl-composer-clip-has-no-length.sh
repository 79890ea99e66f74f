#!/usr/bin/env bash
# edl_composer 1.0.3 (npm), OpenTimelineIO 0.18.1, pycmx 1.5.1: a clip of ten seconds has none.
#
# A camera's first timecode is given as an offset. With a rate, which is always passed on, the
# node-timecodes 2.5.0 that turns it into seconds makes it no number, and that is written as
# 00:00:00:00 for both ends, while the place in the film is ten seconds long. OpenTimelineIO
# refuses the file for it. Without an offset it reads the name of the reel; pycmx goes by the
# columns of the format, where the file has another number of blanks, and has the first two
# letters and no kind of edit.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    OpenTimelineIO==0.18.1 otio-cmx3600-adapter==1.0.0 pycmx==1.5.1
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund edl_composer@1.0.3 node-timecodes@2.5.0 > /dev/null
cat > run.js <<'JS'
const { writeFileSync } = require('node:fs');
const EDL = require('edl_composer');
const { toSeconds } = require('node-timecodes');

console.log(toSeconds('01:00:00:00'), toSeconds('01:00:00:00', { frameRate: 25 }));
const clip = { id: 1, startTime: 10, endTime: 20, reelName: 'CAMERA1', clipName: 'one.mov', fps: 25 };
for (const [name, offset] of [['with', '01:00:00:00'], ['without', 'NA']]) {
  const text = new EDL({ title: 'Film', events: [{ ...clip, offset }] }).compose();
  writeFileSync(`${name}.edl`, text);
  console.log(name, text.split('\n')[3]);
}
JS
cat > run.py <<'PY'
import opentimelineio
import pycmx

for name in ("with", "without"):
    with open(f"{name}.edl") as file:
        [event] = pycmx.parse_cmx3600(file).events
    [edit] = event.edits
    print("pycmx", name, edit.source, edit.transition.kind, edit.source_in, edit.source_out)
    try:
        film = opentimelineio.adapters.read_from_file(f"{name}.edl", rate=25)
    except Exception as error:
        print("OpenTimelineIO", name, type(error).__name__)
    else:
        [clip] = film.tracks[0]
        reel = clip.metadata["cmx_3600"]["reel"]
        print("OpenTimelineIO", name, reel, clip.source_range.duration.value)
PY
{ node run.js && venv/bin/python run.py; } > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
3600 NaN
with 001   CAMERA1  AA/V  C  00:00:00:00 00:00:00:00 00:00:00:00 00:00:10:00
without 001   CAMERA1  AA/V  C  00:00:10:00 00:00:20:00 00:00:00:00 00:00:10:00
pycmx with CA None 00:00:00:00 00:00:00:00
OpenTimelineIO with EDLParseError
pycmx without CA None 00:00:10:00 00:00:20:00
OpenTimelineIO without CAMERA1 250.0
TXT
diff expected.txt seen.txt && cat seen.txt
