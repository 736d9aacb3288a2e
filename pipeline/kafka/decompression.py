"""Decompression that is bounded before it happens, for each codec that Kafka's clients write with.

The clients' own decoders unpack whatever they are given: 1 MB can hold 30 GB.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import cramjam
import lz4.frame
import zstandard

NAMES = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
"""Of the codecs, by the number that stands in a batch's attributes."""

_FIRST_BYTES = 256 * 1024  # holds nearly every batch, and costs nothing to ask for
_NEXT_BYTES = 4 * 1024 * 1024
_GZIP = 31  # zlib's number for its format with gzip's header
_MOST_FRAMES = 64  # clients write one; each further one copies what is left
_ZSTD_WINDOW = 2**27  # what its highest level writes with
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16
_BLOCK = struct.Struct(">i")


class BeyondBound(Exception):
    """There is more in it than may be unpacked."""


class Unreadable(Exception):
    """It is not what its codec writes."""


def unpacked(codec: int, data: bytes, most: int) -> bytes:
    """What is in `data`, at most `most` bytes. Raises BeyondBound or Unreadable."""
    if codec not in _PIECES:
        raise Unreadable(f"there is no codec {codec}")
    try:
        return b"".join(_within(most, _PIECES[codec](data, most)))
    except _ERRORS as error:
        raise Unreadable(str(error)) from error


def _within(most: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        most -= len(piece)
        if most < 0:
            raise BeyondBound
        yield piece


def _gzip(data: bytes, most: int) -> Iterator[bytes]:
    for _ in range(_MOST_FRAMES):
        member = zlib.decompressobj(_GZIP)
        yield member.decompress(data, most + 1)
        data = member.unused_data
        if not member.eof:
            raise Unreadable("it is cut off")
        if not data:
            return
    raise Unreadable("it has too many members")


def _lz4(data: bytes, most: int) -> Iterator[bytes]:  # noqa: ARG001 - as all of them
    for _ in range(_MOST_FRAMES):
        frame = lz4.frame.LZ4FrameDecompressor()
        yield frame.decompress(data, _FIRST_BYTES)
        while not frame.eof:
            if frame.needs_input:
                raise Unreadable("it is cut off")
            yield frame.decompress(b"", _NEXT_BYTES)
        data = frame.unused_data
        if not data:
            return
    raise Unreadable("it has too many frames")


def _zstd(data: bytes, most: int) -> Iterator[bytes]:  # noqa: ARG001 - as all of them
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frames = decompressor.stream_reader(data, read_across_frames=True)
    size = _FIRST_BYTES
    while piece := frames.read(size):
        yield piece
        if len(piece) < size:
            return
        size = _NEXT_BYTES


def _snappy(data: bytes, most: int) -> Iterator[bytes]:
    """As it is, or in blocks with their lengths before them, as Java's library writes it."""
    if not data.startswith(_XERIAL):
        yield _block(data, most)
        return
    start = _XERIAL_HEADER
    while start < len(data):
        (size,) = _BLOCK.unpack_from(data, start)
        start += _BLOCK.size
        if not 0 < size <= len(data) - start:
            raise Unreadable("a block has no such length")
        block = _block(data[start : start + size], most)
        most -= len(block)
        yield block
        start += size


def _block(data: bytes, most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(data) > most:
        raise BeyondBound
    return bytes(cramjam.snappy.decompress_raw(data))


_PIECES: dict[int, Callable[[bytes, int], Iterator[bytes]]] = {
    1: _gzip,
    2: _snappy,
    3: _lz4,
    4: _zstd,
}
_ERRORS = (
    zlib.error,
    RuntimeError,  # what lz4 raises
    zstandard.ZstdError,
    cramjam.DecompressionError,
    struct.error,
    MemoryError,  # a window or a block of a size that nobody has
)
