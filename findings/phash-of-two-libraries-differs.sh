#!/usr/bin/env bash
# goimagehash 1.1.0 (Go) and ImageHash 4.3.2 (Python): one picture has two perceptual hashes.
#
# Both make 64 bits from a cosine transform of the picture in grey, and both are read as a
# "phash" of 16 hexadecimal digits. They scale the picture each in its own way, so that a few
# bits differ: looking for a hash of the one among those of the other finds nothing where the
# text has to be equal. Compared with a distance allowed they agree.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
export GOPATH="$work/go" GOCACHE="$work/cache" GOFLAGS=-mod=mod
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ImageHash==4.3.2 pillow==13.0.0
cat > hash.py <<'PY'
import math

import imagehash
from PIL import Image

for turn in (0, 1):
    picture = Image.new("RGB", (160, 90))
    for x in range(160):
        for y in range(90):
            red, green = 127 + 120 * math.sin(x / 17 + turn), 127 + 120 * math.cos(y / 11)
            picture.putpixel((x, y), (int(red), int(green), x * y * (turn + 1) % 256))
    picture.save(f"{turn}.png")
    print(imagehash.phash(picture))
PY
cat > main.go <<'GO'
package main

import (
	"fmt"
	"image/png"
	"os"

	"github.com/corona10/goimagehash"
)

func main() {
	for _, name := range os.Args[1:] {
		file, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		picture, err := png.Decode(file)
		if err != nil {
			panic(err)
		}
		hash, err := goimagehash.PerceptionHash(picture)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%016x\n", hash.GetHash())
	}
}
GO
venv/bin/python hash.py > python.txt
go mod init finding > /dev/null 2>&1
go get github.com/corona10/goimagehash@v1.1.0 > /dev/null 2>&1
go run main.go 0.png 1.png > go.txt
paste -d ' ' python.txt go.txt > seen.txt
cat > expected.txt <<'TXT'
a00082871f9f3fbf a00082971f9f3f9f
b012969616d657d7 b0129696569657d7
TXT
diff expected.txt seen.txt && cat seen.txt
