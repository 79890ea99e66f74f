#!/usr/bin/env bash
# pylrc 0.1.2, lrc-kit 1.2.1 and lrc-file-parser 2.4.2 (npm): [offset:+500] is sooner and later.
#
# A file of lyrics may say by how many milliseconds its times are off. By the common description
# of the format a positive number has the lyrics appear sooner. lrc-file-parser does so; pylrc and
# the Runner of lrc-kit add it to each time, so that they come later: between two players of one
# file lies a whole second. Both also write the changed times without the offset, so that a file
# read and written by them stays wrong for those who had it right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pylrc==0.1.2
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund lrc-kit@1.2.1 lrc-file-parser@2.4.2 > /dev/null
for offset in +500 -500; do
    printf '[offset:%s]\n[00:01.000]one\n[00:02.000]two\n[00:03.000]three\n' "$offset" > "song$offset.lrc"
done
cat > run.py <<'PY'
import pylrc

for offset in ("+500", "-500"):
    with open(f"song{offset}.lrc") as file:
        song = pylrc.parse(file.read())
    shown = [line.text for line in song if line.time <= 1.7]
    print("pylrc", offset, "at 1.7 s:", shown[-1], "| written:", *song.toLRC().split())
PY
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import kit from 'lrc-kit';
import Lyric from 'lrc-file-parser';

globalThis.window = { requestAnimationFrame: () => 0, cancelAnimationFrame: () => 0 };
for (const offset of ['+500', '-500']) {
  const song = readFileSync(`song${offset}.lrc`, 'utf8');
  const runner = new kit.Runner(kit.Lrc.parse(song));
  runner.timeUpdate(1.7);
  const written = runner.lrc.toString().trim().split(/\s+/).join(' ');
  console.log('lrc-kit', offset, 'at 1.7 s:', runner.curLyric().content, '| written:', written);
}
for (const offset of ['+500', '-500']) {
  const lyric = readFileSync(`song${offset}.lrc`, 'utf8');
  const shown = [];
  const player = new Lyric({ lyric, offset: 0, onPlay: (number, text) => shown.push(text) });
  player.play(1700);
  console.log('lrc-file-parser', offset, 'at 1.7 s:', shown[0]);
}
JS
{ venv/bin/python run.py && node run.mjs; } > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
pylrc +500 at 1.7 s: one | written: [00:01.50]one [00:02.50]two [00:03.50]three
pylrc -500 at 1.7 s: two | written: [00:00.50]one [00:01.50]two [00:02.50]three
lrc-kit +500 at 1.7 s: one | written: [00:01.50]one [00:02.50]two [00:03.50]three
lrc-kit -500 at 1.7 s: two | written: [00:00.50]one [00:01.50]two [00:02.50]three
lrc-file-parser +500 at 1.7 s: two
lrc-file-parser -500 at 1.7 s: one
TXT
diff expected.txt seen.txt && cat seen.txt
