#!/usr/bin/env bash
# Four libraries of timecodes (PyPI, npm): 01:00:00:00 is 107892 frames for two, 108000 for two.
#
# A timecode of NTSC leaves out some numbers or does not, and the last separator tells which: a
# semicolon does. timecode-boss 6.2.0 (npm) and timecode 1.5.1 (PyPI) leave them out at that rate
# whatever is written, and give 01:00:00:00 back with a semicolon. smpte-timecode 1.3.6 (npm) goes
# by the separator. timecode 0.0.4 (npm) does not leave them out, and gives the semicolon back as
# a colon. For an hour by one and the same text they are 108 frames, 3.6 seconds, apart.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check timecode==1.5.1
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund timecode-boss@6.2.0 smpte-timecode@1.3.6 timecode@0.0.4 > /dev/null
cat > run.py <<'PY'
from timecode import Timecode

for text in ("01:00:00:00", "01:00:00;00"):
    time = Timecode("29.97", text)
    print("timecode (PyPI)", text, time, time.frame_number)
PY
cat > run.js <<'JS'
const Boss = require('timecode-boss');
const Smpte = require('smpte-timecode');
const { Timecode } = require('timecode');

for (const text of ['01:00:00:00', '01:00:00;00']) {
  const boss = new Boss(text, 29.97);
  const smpte = Smpte(text, 29.97);
  const other = Timecode.init({ framerate: '29.97', timecode: text });
  console.log('timecode-boss', text, String(boss), boss.frameCount());
  console.log('smpte-timecode', text, String(smpte), smpte.frameCount);
  console.log('timecode (npm)', text, String(other), other.frame_count);
}
JS
{ venv/bin/python run.py && node run.js; } > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
timecode (PyPI) 01:00:00:00 01:00:00;00 107892
timecode (PyPI) 01:00:00;00 01:00:00;00 107892
timecode-boss 01:00:00:00 01:00:00;00 107892
smpte-timecode 01:00:00:00 01:00:00:00 108000
timecode (npm) 01:00:00:00 01:00:00:00 108000
timecode-boss 01:00:00;00 01:00:00;00 107892
smpte-timecode 01:00:00;00 01:00:00;00 107892
timecode (npm) 01:00:00;00 01:00:00:00 108000
TXT
diff expected.txt seen.txt && cat seen.txt
