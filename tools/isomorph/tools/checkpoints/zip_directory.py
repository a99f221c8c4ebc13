"""The table of contents of a zip archive, read strictly.

Zip readers differ in which of two members of one name they take, whether bytes may stand before the archive, which of
two tables they believe, and how a name is spelled. A checkpoint's writer needs none of that, so whatever could be read
in two ways is refused, and so is what Python's zipfile refuses, with which Keras and NumPy read theirs.
"""

import itertools
import struct
import zlib
from dataclasses import dataclass

from isomorph.tools.checkpoints.checkpoint import METADATA
from isomorph.tools.checkpoints.mapped_file import MappedFile
from isomorph.tools.checkpoints.noted import noted
from isomorph.tools.checkpoints.wording import shown

# Dates and what else is not looked at are skipped by an "x".
_LOCAL = struct.Struct("<4s2x2H16x2H")
_CENTRAL = struct.Struct("<4s2xBx2H4x3L4H2x2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64_HEAD = 12  # bytes that its own size leaves out
_ENCRYPTED = 0x2061  # of the flags: the member, strongly, or the table; or what stands there is a patch
_UTF8 = 0x800  # of the flags: the name is UTF-8; without it, it is what MS-DOS took it for
_NEWEST = 63  # the version that a reader needs for all that there is, in tenths (APPNOTE.TXT 4.4.3.2)
_FOLDER = 0x10  # of the attributes, as MS-DOS has them
_PIECE = 1 << 20  # bytes read at once
_COST = 512  # bytes of Python objects that one member becomes
_WIDE_SIZES, _OTHER_NAME = 0x0001, 0x7075  # the kinds of extra fields that change what a member is
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF  # "see the 64-bit field"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive, whose bytes are `[start, start + size)` of it, as they are or compressed.

    `unpacked` is how many they become. Their CRC-32 is given and not verified: whether the format's own reader does is
    the caller's business.
    """

    start: int
    size: int
    unpacked: int
    method: int
    crc32: int

    @property
    def stored(self) -> bool:
        """Whether its bytes are as they are."""
        return self.method == 0

    @property
    def deflated(self) -> bool:
        """Whether they are compressed as zip archives mostly are (APPNOTE.TXT 4.4.5)."""
        return self.method == 8


def read_directory(file: MappedFile) -> dict[str, Member]:
    """Return the members by name, in the archive's order.

    Raises:
        BadInput: the archive is cut short, lies about itself, has two members of one name or names outside its folder,
            is encrypted, has bytes before or after it, has more members than a network has tensors, needs a version of
            zip that there is not, or has extra fields that are cut short, stand twice or give a member a second name.
    """
    table, end, count = _extent(file)
    file.check_number(count)
    position = table
    members: dict[str, Member] = {}
    taken: list[tuple[int, int, str]] = []
    while position < end:
        file.spend(_COST)
        head = file.read(position, _CENTRAL.size)
        if len(head) < _CENTRAL.size:
            raise _broken(file, position)
        magic, needed, flags, method, crc32, packed, size, *lengths, disk, attributes, local = _CENTRAL.unpack(head)
        name_length, extra_length, comment_length = lengths
        if magic != b"PK\1\2" or disk:
            raise _broken(file, position)
        raw = file.read(position + _CENTRAL.size, name_length)
        extra = file.read(position + _CENTRAL.size + name_length, extra_length)
        position += _CENTRAL.size + name_length + extra_length + comment_length
        name = _name(file, raw)
        if name in members:
            raise file.damaged(f"its zip archive has two members called {shown(name)}, where one was expected")
        if needed > _NEWEST:
            raise file.damaged(
                f"its member {shown(name)} needs version {needed / 10} of zip, {_NEWEST / 10} is the newest"
            )
        size, packed, local = _wide(file, name, _extra_fields(file, name, extra), (size, packed, local))
        start = _start(file, name, raw, local, method, flags)
        if start + packed > table:
            raise file.damaged(
                f"its member {shown(name)} would end at byte {start + packed:,}, beyond the archive's members"
            )
        if attributes & _FOLDER and packed:
            # PyTorch's reader then skips the bytes, and hands out memory that nothing was read into.
            raise file.damaged(f"its member {shown(name)} is marked as a folder, but has {packed:,} bytes")
        if flags & _ENCRYPTED:
            raise file.damaged(f"its member {shown(name)} is encrypted, which no checkpoint is")
        if method == 0 and size != packed:
            raise file.damaged(
                f"its member {shown(name)} is stored as it is, but in {packed:,} bytes instead of {size:,}"
            )
        members[name] = Member(start, packed, size, method, crc32)
        taken.append((local, start + packed, name))
    if position != end or len(members) != count:
        raise _broken(file, position)
    _check_apart(file, sorted(taken))
    return members


def check_crc32(file: MappedFile, name: str, member: Member) -> None:
    """Raise BadInput unless a stored member has the checksum that the table gives."""
    crc32, end = 0, member.start + member.size
    for start in range(member.start, end, _PIECE):
        crc32 = zlib.crc32(file.read(start, min(_PIECE, end - start)), crc32)
    if crc32 != member.crc32:
        raise file.damaged(f"the checksum of its {name} is not that of its bytes")


def noted_in(file: MappedFile, members: dict[str, Member]) -> dict[str, str]:
    """Return METADATA -> the text of the member of that name, if there is one; frameworks ignore it."""
    member = members.get(METADATA)
    if member is None:
        return {}
    if not member.stored:
        raise file.damaged(f"its record {METADATA} is compressed, which isomorph never does")
    return noted(file, member.start, member.size)


def _extent(file: MappedFile) -> tuple[int, int, int]:
    """Return where the table starts and ends, and how many members it says it has."""
    at = file.size - _END.size
    tail = file.read(max(at, 0), _END.size)
    if at < 0 or not tail.startswith(b"PK\5\6"):
        raise file.damaged("it starts as a zip archive but does not end as one, as a file does that was cut short")
    _, disk, first_disk, count_here, count, size, start, comment = _END.unpack(tail)
    end = at
    locator = file.read(at - _LOCATOR64.size, _LOCATOR64.size) if at >= _LOCATOR64.size else b""
    if locator.startswith(b"PK\6\7"):
        _, end_disk, end, disks = _LOCATOR64.unpack(locator)
        record = file.read(end, _END64.size)
        if end + _END64.size != at - _LOCATOR64.size or not record.startswith(b"PK\6\6"):
            raise _broken(file, at)
        _, own_size, _, _, disk64, first_disk64, count64_here, count64, size64, start64 = _END64.unpack(record)
        narrow, wide = (count_here, count, size, start), (count64_here, count64, size64, start64)
        full = (_FULL16, _FULL16, _FULL32, _FULL32)
        elsewhere = end_disk or disk64 or first_disk64 or disks != 1
        if elsewhere or own_size != _END64.size - _END64_HEAD:
            raise _broken(file, at)
        if any(short not in (limit, long) for short, limit, long in zip(narrow, full, wide, strict=True)):
            raise _broken(file, at)
        count_here, count, size, start = wide
    if disk or first_disk or comment or count != count_here or start + size != end:
        raise _broken(file, at)
    return start, end, count


def _name(file: MappedFile, raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise file.damaged(f"a member of its zip archive has the name {shown(raw)}, which is no UTF-8") from None
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise file.damaged(f"a member of its zip archive has the name {shown(name)}, which leads out of the archive")
    return name


def _extra_fields(file: MappedFile, name: str, extra: bytes) -> dict[int, bytes]:
    """Return what the table says of a member beyond the usual, by kind."""
    fields: dict[int, bytes] = {}
    position = 0
    while position < len(extra):
        kind, length = (int.from_bytes(extra[at : at + 2], "little") for at in (position, position + 2))
        body = slice(position + 4, position + 4 + length)
        if body.stop > len(extra) or kind in fields:
            raise file.damaged(f"the extra fields of its member {shown(name)} are cut short, or one stands there twice")
        fields[kind] = extra[body]
        position = body.stop
    if _OTHER_NAME in fields:
        raise file.damaged(f"its member {shown(name)} has a second name, which some readers take for the first")
    return fields


def _wide(file: MappedFile, name: str, extra: dict[int, bytes], fields: tuple[int, int, int]) -> list[int]:
    """Return the member's size, packed size and offset, from the 64-bit field where the 32-bit ones are full."""
    body = extra.get(_WIDE_SIZES, b"")
    wide = [number for (number,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
    if fields.count(_FULL32) > len(wide):
        raise file.damaged(f"its member {shown(name)} lacks the 64-bit size that it announces")
    numbers = iter(wide)
    return [next(numbers) if number == _FULL32 else number for number in fields]


def _start(file: MappedFile, name: str, raw: bytes, local: int, method: int, flags: int) -> int:
    """Return where the member's bytes start: after its header, which must have the name and method of the table."""
    head = file.read(local, _LOCAL.size)
    if len(head) == _LOCAL.size:
        magic, own_flags, own_method, name_length, extra_length = _LOCAL.unpack(head)
        own_name = file.read(local + _LOCAL.size, name_length)
        if not raw.isascii() and not flags & own_flags & _UTF8:
            raise file.damaged(f"its member {shown(name)} does not say that its name is UTF-8")
        if magic == b"PK\3\4" and own_name == raw and own_method == method and not own_flags & _ENCRYPTED:
            return int(local + _LOCAL.size + name_length + extra_length)
    raise file.damaged(f"its member {shown(name)} is not where the archive's table says (byte {local:,})")


def _check_apart(file: MappedFile, taken: list[tuple[int, int, str]]) -> None:
    if taken and taken[0][0] != 0:
        raise file.damaged("something stands before the first member of its zip archive, where nothing was expected")
    for (_, end, name), (start, _, other) in itertools.pairwise(taken):
        if start < end:
            raise file.damaged(f"the members {shown(name)} and {shown(other)} of its zip archive overlap")


def _broken(file: MappedFile, position: int) -> Exception:
    return file.damaged(f"its zip archive's table of contents is damaged near byte {position:,}")
