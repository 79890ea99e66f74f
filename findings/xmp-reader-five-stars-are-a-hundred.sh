#!/usr/bin/env bash
# xmp-reader 0.0.3 (npm): five stars are 100, none, or five, by how they are written.
#
# XMP has a rating of up to five stars, and Windows writes one of its own beside it, where five
# stars are 99 and three are 50. xmp-reader means to bring that down to stars and adds one to it
# instead; the later of the two in the file is the rating. XMP may be written as an attribute,
# as most programs do with a rating: it is not seen. Of a title in two languages the last is the
# title, whichever is the default, and of two authors the last is the author.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund xmp-reader@0.0.3 > /dev/null
cat > run.js <<'JS'
const { fromBuffer } = require('xmp-reader');

const NAMES = [
  'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"',
  'xmlns:xmp="http://ns.adobe.com/xap/1.0/"',
  'xmlns:dc="http://purl.org/dc/elements/1.1/"',
  'xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"',
].join(' ');
const packet = (elements, attribute = '') => Buffer.from(
  `<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ${NAMES}>`
  + `<rdf:Description rdf:about="" ${attribute}>${elements}</rdf:Description></rdf:RDF></x:xmpmeta>`,
);
const stars = '<xmp:Rating>5</xmp:Rating>';
const windows = '<MicrosoftPhoto:Rating>99</MicrosoftPhoto:Rating>';
const titles = '<rdf:li xml:lang="x-default">The Door</rdf:li><rdf:li xml:lang="fr">La Porte</rdf:li>';

(async () => {
  const rating = async (...written) => console.log(...written, '->', (await fromBuffer(packet(...written))).rating);
  await rating(stars);
  await rating('', 'xmp:Rating="5"');
  await rating(windows);
  await rating('<MicrosoftPhoto:Rating>50</MicrosoftPhoto:Rating>');
  await rating(windows + stars);
  await rating(stars + windows);
  const about = await fromBuffer(packet(
    `<dc:title><rdf:Alt>${titles}</rdf:Alt></dc:title>`
    + '<dc:creator><rdf:Seq><rdf:li>One</rdf:li><rdf:li>Two</rdf:li></rdf:Seq></dc:creator>',
  ));
  console.log(about.title, '|', about.creator);
})();
JS
node run.js > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
<xmp:Rating>5</xmp:Rating> -> 5
 xmp:Rating="5" -> undefined
<MicrosoftPhoto:Rating>99</MicrosoftPhoto:Rating> -> 100
<MicrosoftPhoto:Rating>50</MicrosoftPhoto:Rating> -> 51
<MicrosoftPhoto:Rating>99</MicrosoftPhoto:Rating><xmp:Rating>5</xmp:Rating> -> 5
<xmp:Rating>5</xmp:Rating><MicrosoftPhoto:Rating>99</MicrosoftPhoto:Rating> -> 100
La Porte | Two
TXT
diff expected.txt seen.txt && cat seen.txt
