#!/usr/bin/env bash
# simple-subtitle-parser 2.0.0, @plussub/srt-vtt-parser 2.0.5 (npm): a cue at the side never ends.
#
# Where a cue stands on the picture is told behind its times. The first reads on to the end of the
# line, so that the cue's end is NaN, for that is what "000 align:start" is as a number; without
# hours, which may be left out, it has a TypeError. The second knows settings, and knows times
# without hours, and has NaN where both meet. NaN is neither before nor after: nothing refuses it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund simple-subtitle-parser@2.0.0 @plussub/srt-vtt-parser@2.0.5 > /dev/null
cat > run.js <<'JS'
const simple = require('simple-subtitle-parser');
const plussub = require('@plussub/srt-vtt-parser');

async function main() {
  for (const hours of ['00:', '']) {
    for (const settings of ['', ' align:start']) {
      const text = `WEBVTT\n\n${hours}00:01.000 --> ${hours}00:02.000${settings}\nHello.\n`;
      const first = await simple.parser('WEBVTT', text).then(
        (cues) => cues[0].endTime.totals.inSeconds,
        (error) => error.name,
      );
      console.log(`${hours}00:02.000${settings}`, '|', first, '|', plussub.parse(text).entries[0].to);
    }
  }
}
main();
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
00:00:02.000 | 2 | 2000
00:00:02.000 align:start | NaN | 2000
00:02.000 | TypeError | 2000
00:02.000 align:start | TypeError | NaN
TXT
diff expected.txt seen.txt && cat seen.txt
