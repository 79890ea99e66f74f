#!/usr/bin/env bash
# mediainfo-parser 1.1.5 (npm): two files have one unique id, and film 007 has the title 7.
#
# Whatever reads as a number is one. The unique id of a Matroska file has 128 bits and a number
# of JavaScript holds 53 of them, so that ids which begin alike are equal; the noughts in front of
# a title go, and "1e3" is 1000. In MediaInfo's own XML, made with pymediainfo 7.0.1, they are
# whole.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pymediainfo==7.0.1
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund mediainfo-parser@1.1.5 > /dev/null
cat > films.py <<'PY'
import struct

from pymediainfo import MediaInfo


def element(number, *parts):
    body = b"".join(parts)
    return bytes.fromhex(number) + struct.pack(">Q", len(body) | 1 << 56) + body


HEAD = element("1a45dfa3", element("4282", b"matroska"), element("4287", b"\x04"), element("4285", b"\x02"))
for last, title in ((1, b"007"), (2, b"1e3")):
    about = element(
        "1549a966", element("2ad7b1", b"\x0f\x42\x40"), element("73a4", b"\x5a" * 15 + bytes([last])),
        element("7ba9", title), element("4d80", b"none"), element("5741", b"none"),
    )
    with open(f"{last}.mkv", "wb") as film:
        film.write(HEAD + element("18538067", about))
    with open(f"{last}.xml", "w") as text:
        text.write(MediaInfo.parse(f"{last}.mkv", output="OLDXML", full=True))
PY
cat > run.js <<'JS'
const fs = require('fs');
const { parse } = require('mediainfo-parser');

for (const name of ['1.xml', '2.xml']) {
    const text = fs.readFileSync(name, 'utf8');
    const [, id] = text.match(/<Unique_ID>(\d+)</);
    const [, title] = text.match(/<Title>(.*)</);
    parse(text, (error, found) => {
        if (error) throw error;
        const [about] = [].concat(found.file.track);
        console.log('MediaInfo:', id, title, '| read:', about.uniqueId, about.title);
    });
}
JS
venv/bin/python films.py
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
MediaInfo: 120099658913272398869426332034741721601 007 | read: 1.200996589132724e+38 7
MediaInfo: 120099658913272398869426332034741721602 1e3 | read: 1.200996589132724e+38 1000
TXT
diff expected.txt seen.txt && cat seen.txt
