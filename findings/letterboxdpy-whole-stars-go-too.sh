#!/usr/bin/env bash
# letterboxdpy 6.6.1: the ratings that it reads do not fit the rows that it makes.
#
# create_movie_data makes a row for Letterboxd's import and leaves out what is neither a text nor a
# whole number. A rating has halves, by its own list of valid ones, so that three and a half stars
# are no rating; and what it reads off a page is a float even where it is whole, so that 4.0 goes
# the same way, and none of what was read is in the file. A 4 or "3.5" of one's own is kept. The
# page is as small as its reader allows, and not Letterboxd's.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check letterboxdpy==6.6.1
cd "$work"
cat > run.py <<'PY'
from bs4 import BeautifulSoup
from letterboxdpy.constants.project import VALID_RATINGS
from letterboxdpy.pages.user_films import extract_movies_from_user_watched
from letterboxdpy.utils.utils_csv import create_movie_data

PAGE = """<ul><li class="griditem">
<div class="react-component" data-film-id="7" data-item-slug="a" data-item-name="A film (2024)"></div>
<p class="poster-viewingdata"><span class="rating rated-8"></span></p>
</li></ul>"""

print("valid:", sorted(VALID_RATINGS))
for rating in (4, "3.5", 3.5):
    print(repr(rating), create_movie_data(title="A film", year=2024, rating=rating))
film = extract_movies_from_user_watched(BeautifulSoup(PAGE, "lxml"))["a"]
row = create_movie_data(title=film["name"], year=film["year"], rating=film["rating"])
print("read:", film["rating"], "written:", row)
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
valid: [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
4 {'Title': 'A film', 'Year': 2024, 'Rating': 4}
'3.5' {'Title': 'A film', 'Year': 2024, 'Rating': '3.5'}
3.5 {'Title': 'A film', 'Year': 2024}
read: 4.0 written: {'Title': 'A film', 'Year': 2024}
TXT
diff expected.txt seen.txt && cat seen.txt
