#!/usr/bin/env bash
# subtitles-parser-vtt 0.1.0 (npm): toVtt writes no WebVTT, and fromVtt reads a short file as empty.
#
# Below one hour the hours may be left out, as they are in the format's own examples. Such a cue is
# not seen at all and nothing is said: a clip's subtitles are []. What toVtt makes is SubRip, with
# numbers, commas and no first line that makes it WebVTT, and a reader of WebVTT refuses it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund subtitles-parser-vtt@0.1.0 node-webvtt@1.9.4 > /dev/null
cat > run.js <<'JS'
const parser = require('subtitles-parser-vtt');
const webvtt = require('node-webvtt');

const SHORT = 'WEBVTT\n\n00:01.000 --> 00:02.000\nHello.\n';
const LONG = SHORT.replace(/(\d\d:\d\d\.)/g, '00:$1');
for (const text of [SHORT, LONG]) {
  const found = parser.fromVtt(text, 'ms');
  console.log(JSON.stringify([found.length, parser.toVtt(found)]));
}
try {
  webvtt.parse(parser.toVtt(parser.fromVtt(LONG, 'ms')));
} catch (error) {
  console.log('node-webvtt:', error.message);
}
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
[0,""]
[1,"1\r\n00:00:01,000 --> 00:00:02,000\r\nHello.\r\n\r\n"]
node-webvtt: Must start with "WEBVTT"
TXT
diff expected.txt seen.txt && cat seen.txt
