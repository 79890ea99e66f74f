#!/usr/bin/env bash
# sgqlc 18: a field called as Stash calls it is asked for by another name.
#
# Names of Python are turned into camel case where no other is told. Stash's schema has both
# ways: findScenes beside per_page, play_count and o_counter. Types that are written by hand
# with Stash's own names ask for perPage, playCount and oCounter, which it does not know, while
# those of one word and rating100 work. A name told with graphql_name is kept.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check sgqlc==18
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from sgqlc.operation import Operation
from sgqlc.types import Field, Input, Int, String, Type, list_of


class Scene(Type):
    title = String
    rating100 = Int
    play_count = Int
    o_counter = Field(Int, graphql_name="o_counter")


class FindFilterType(Input):
    per_page = Int


class FindScenesResultType(Type):
    scenes = list_of(Scene)


class Query(Type):
    findScenes = Field(FindScenesResultType, args={"filter": FindFilterType})


operation = Operation(Query)
operation.findScenes(filter={"per_page": 25}).scenes()
print(operation)
PY
cat > expected.txt <<'TXT'
query {
  findScenes(filter: {perPage: 25}) {
    scenes {
      title
      rating100
      playCount
      o_counter
    }
  }
}
TXT
diff expected.txt seen.txt && cat seen.txt
