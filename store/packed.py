"""Texts of the history, packed: an old value stands in what is shown and in what is given back.

Packed together each is kept once, and what all of them have in common not at all.
"""

from __future__ import annotations

import zlib

#: What such texts are made of, the most frequent last. What was packed with it can be read
#: with it alone: another dictionary needs another number.
_NUMBER = b"\x01"
_COMMON = (
    b'"content_rating":["","labels":["","collections":["","an earlier upload","upload://art/'
    b'"upload://posters/"metadata://art/tv.plex.agents.movie_metadata://posters/tv.plex.agents.'
    b'movie_"https://metadata-static.plex.tv/people/.jpg"],["poster":["Plex\'s own picture",'
    b'"the scene\'s cover ("],"background":["Plex\'s own picture","the scene\'s cover ("]}'
    b'{"title":["Scene ","sort_title":["","studio":["","summary":["","date":["","20","rating":["'
    b'","performers":["","director":["","tags":[""]}{"k":["art","background","content_rating",'
    b'"date","director","performers","poster","rating","sort_title","studio","summary","tags",'
    b'"thumb","title"],"l":{"director":[[],"="],"performers":[[],"="],"tags":[[],"="]},"p":{'
    b'"background":["",""],"poster":["",""]},"t":{"date":["",""],"rating":["",""],"sort_title":['
    b'"",""],"studio":["",""],"summary":["",""],"title":["",""]}}'
)
#: How far back it looks, and for how much it makes room: at zlib's usual size, making room
#: for a text costs four times what packing it does. Whatever is chosen can be read.
_WINDOW, _ROOM = 13, 5
#: Between two texts; JSON has none of it.
_END = "\0"


def pack(*texts: str) -> bytes:
    """Give some texts of JSON as what ``unpack`` reads."""
    packing = zlib.compressobj(wbits=-_WINDOW, memLevel=_ROOM, zdict=_COMMON)
    plain = _END.join(texts).encode(errors="surrogatepass")
    return _NUMBER + packing.compress(plain) + packing.flush()


def unpack(packed: bytes) -> list[str]:
    """Give the texts again.

    Raises:
        ValueError: It is nothing that ``pack`` gave.
    """
    if packed[:1] != _NUMBER:
        raise ValueError("this was not packed by us")
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_COMMON)
    try:
        plain = unpacking.decompress(packed[1:]) + unpacking.flush()
    except zlib.error as error:
        raise ValueError("what was packed is damaged") from error
    if not unpacking.eof:
        raise ValueError("what was packed is not whole")
    return plain.decode(errors="surrogatepass").split(_END)
