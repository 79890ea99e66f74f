#!/usr/bin/env bash
# stashapp-tools 0.2.59: str_compare, which decides whether a performer is known, drops ASCII signs.
#
# Signs become blanks and the blanks at the ends go, so that two names made of signs alone are
# one name, and "AC/DC" is "ac dc"; while "A.B." is not "AB", for a blank stays in between.
# Signs outside ASCII count: a curly apostrophe and a straight one make two people.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from stashapi.tools import str_compare

for one, other in (("!!!", "???"), ("AC/DC", "ac dc"), ("A.B.", "AB"), ("O\u2019Hara", "O'Hara")):
    print(ascii(one), ascii(other), str_compare(one, other))
PY
cat > expected.txt <<'TXT'
'!!!' '???' True
'AC/DC' 'ac dc' True
'A.B.' 'AB' False
'O\u2019Hara' "O'Hara" False
TXT
diff expected.txt seen.txt && cat seen.txt
