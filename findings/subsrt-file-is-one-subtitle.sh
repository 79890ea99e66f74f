#!/usr/bin/env bash
# subsrt 1.1.1 (npm): a file whose lines end as on Linux is one subtitle that says all the rest.
#
# Subtitles are parted where something stands between two ends of line, be it a blank; of CR LF
# the CR is taken for it, and between two LF there is nothing. Without CR the numbers and times
# of all other subtitles are the text of the first, shown as long as that one was. A WebVTT file,
# where the same is done, has none: all of it is a note. One of LRC loses what it does not know.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund subsrt@1.1.1 > /dev/null
cat > run.js <<'JS'
const subsrt = require('subsrt');

const SRT = '1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n2\n00:00:03,000 --> 00:00:04,000\nWho is it?\n';
const VTT = `WEBVTT\n\n${SRT.replace(/,/g, '.')}`;
for (const [name, text] of [['SubRip', SRT], ['WebVTT', VTT]]) {
  for (const end of ['\r\n', '\n']) {
    const found = subsrt.parse(text.replace(/\n/g, end)).map((one) => one.text || one.type);
    console.log(name, JSON.stringify(end), JSON.stringify(found));
  }
}
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
SubRip "\r\n" ["Hello.","Who is it?\r\n"]
SubRip "\n" ["Hello.\r\n\r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nWho is it?\r\n"]
WebVTT "\r\n" ["meta","Hello.","Who is it?\r\n"]
WebVTT "\n" ["meta"]
TXT
diff expected.txt seen.txt && cat seen.txt
