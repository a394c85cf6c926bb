"""Changes that keep a file's form: values of a header, elements of a data set, keys of a JSON object, cells of a table, voxels.

Random bytes are refused at once by most readers; these go further in.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import zlib
from typing import Any

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

#: Numbers that headers are not made for.
NUMBERS = (
    b"-1",
    b"0",
    b"1",
    b"65536",
    b"4294967296",
    b"99999999999999999999",
    b"nan",
    b"inf",
    b"1e308",
    b"-1e-308",
    b"0x10",
    b"1_0",
    b"\xff",
)
#: Values that no key or cell is made for.
_VALUES: tuple[Any, ...] = (None, True, -1, 0, 1e308, float("nan"), "", "LPS", "a\0b", "\ud7ff" * 9, [], [[]], {}, [1, 2, 3], "x" * 3000)
_CELLS = ("", "..", "/etc/passwd", "=1+1", "a;b;;", "C:\\x", "nul", " ", "\0", "x" * 3000, "ü.nrrd", '"', "a,b", "-", "a.nrrd")


def bytes_changed(content: bytes, draw: random.Random) -> bytes:
    """The content with one to four random changes: most of them near the beginning, where headers are."""
    out = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(min(len(out), 400)) if draw.random() < 0.7 and out else draw.randrange(max(1, len(out)))
        match draw.randrange(7):
            case 0:
                out[place : place + 1] = bytes([out[place] ^ 1 << draw.randrange(8)]) if place < len(out) else b""
            case 1:
                out[place : place + draw.randint(1, 8)] = draw.randbytes(draw.randint(1, 8))
            case 2:
                del out[place : place + draw.randint(1, 40)]
            case 3:
                out[place:place] = out[place : place + draw.randint(1, 40)]
            case 4:
                out[place:place] = draw.choice(NUMBERS)
            case 5:
                out[:] = _other_number(bytes(out), draw)
            case _:
                del out[draw.randrange(max(1, len(out))) :]
    return bytes(out)


def _other_number(content: bytes, draw: random.Random) -> bytes:
    """The content with one of the numbers of its text exchanged."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", content[:4000]))
    if not found:
        return content
    number = draw.choice(found)
    return content[: number.start()] + draw.choice(NUMBERS) + content[number.end() :]


def values_changed(content: bytes, draw: random.Random) -> bytes:
    """As many bytes as before, a few of them with other bits, or a run of them with one value: voxels, and numbers of a binary header."""
    out, begin = bytearray(content), 0 if draw.random() < 0.3 else min(400, len(content) // 2)
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(begin, len(out))
        run = draw.choice((1, 2, 4, 400, 4000))
        part = out[place : place + run]
        out[place : place + run] = draw.randbytes(len(part)) if draw.random() < 0.5 else draw.choice((b"\0", b"\xff", b"\x80")) * len(part)
    return bytes(out)


def lines_changed(content: bytes, draw: random.Random) -> bytes:
    """A text header with a line left out, doubled, moved, or with another value, and its voxels as they are."""
    end = content.find(b"\n\n") if content.startswith(b"NRRD") else content.find(b"ElementDataFile")
    if end < 0:
        return values_changed(content, draw)
    lines = content[:end].split(b"\n")
    at = draw.randrange(1, len(lines)) if len(lines) > 1 else 0
    match draw.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, draw.choice(lines))
        case 2:
            lines.append(lines.pop(at))
        case 3:
            lines[at] = _other_number(lines[at], draw)
        case _:
            name, mark, _ = lines[at].partition(b":" if content.startswith(b"NRRD") else b"=")
            lines[at] = name + mark + b" " + (draw.choice(lines).partition(mark or b":")[2] or draw.choice(NUMBERS))
    return b"\n".join(lines) + content[end:]


def inside_gzip(content: bytes, draw: random.Random) -> bytes:
    """What a gzip file holds, changed, and packed again."""
    return gzip.compress(draw.choice((values_changed, bytes_changed))(gzip.decompress(content), draw), 1)


def packed_voxels_changed(content: bytes, draw: random.Random) -> bytes:
    """The voxels behind a text header, unpacked, changed, and packed again; or the header."""
    nrrd = content.startswith(b"NRRD")
    end = content.find(b"\n\n") + 2 if nrrd else content.find(b"LOCAL\n") + 6
    if end < 6 or draw.random() < 0.5:
        return lines_changed(content, draw)
    if nrrd and b"encoding: gz" not in content[:end]:
        return content[:end] + values_changed(content[end:], draw)
    pack, unpack = (gzip.compress, gzip.decompress) if nrrd else (zlib.compress, zlib.decompress)
    changed = pack(values_changed(unpack(content[end:]), draw))
    return re.sub(rb"(?<=CompressedDataSize = )\d+", str(len(changed)).encode(), content[:end]) + changed


def elements_changed(content: bytes, draw: random.Random) -> bytes:
    """A DICOM file with one to three elements, at any depth, left out, given other values, or items doubled and left out."""
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    for _ in range(draw.randint(1, 3)):
        holder, tag = draw.choice(list(_elements(dataset)))
        element = holder.get_item(tag)
        if draw.random() < 0.2:
            del holder[tag]
        elif element.VR == "SQ":
            items = list(holder[tag].value or ())
            holder[tag].value = draw.choice((items + items[:1], items[1:], items[::-1], [Dataset(), *items]))
        else:
            raw = draw.choice((b"", draw.choice(NUMBERS), draw.choice(NUMBERS) + b"\\1", draw.randbytes(draw.randint(1, 40))))
            old = holder.get_item(tag)
            if old.is_raw and old.value and draw.random() < 0.5:
                raw = values_changed(old.value, draw)
            raw += b" " * (len(raw) % 2)
            holder[tag] = RawDataElement(tag, element.VR, len(raw), raw, 0, False, True)
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    return out.getvalue()


def _elements(dataset: Dataset) -> list[tuple[Dataset, Any]]:
    found = []
    for tag in list(dataset.keys()):
        found.append((dataset, tag))
        is_sequence = dataset.get_item(tag).VR == "SQ"  # without decoding: an earlier change may have left what cannot be
        items = (dataset[tag].value or ()) if is_sequence else ()
        found += [one for item in items for one in _elements(item)]
    return found


def json_changed(content: bytes, draw: random.Random) -> bytes:
    """A JSON text with one to three values exchanged, left out or doubled."""
    tree = json.loads(content)
    for _ in range(draw.randint(1, 3)):
        places = list(_places(tree))
        if not places:
            break
        holder, key = draw.choice(places)
        match draw.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, holder[draw.randrange(len(holder))])
            case 2 if isinstance(holder[key], (int, float)):
                holder[key] = draw.choice((-1, 0, 1e6, -1e6, 1e308, holder[key] + draw.uniform(-50, 50)))
            case _:
                holder[key] = draw.choice((*_VALUES, draw.choice(places)[0]))
        tree = json.loads(json.dumps(tree)) if _is_tree(tree) else json.loads(content)
    return json.dumps(tree).encode()


def _is_tree(tree: Any) -> bool:
    try:
        json.dumps(tree)
    except (ValueError, RecursionError):  # it holds itself
        return False
    return True


def _places(tree: Any) -> list[tuple[Any, Any]]:
    keys = range(len(tree)) if isinstance(tree, list) else list(tree) if isinstance(tree, dict) else ()
    return [(tree, key) for key in keys] + [place for key in keys for place in _places(tree[key])]


def cells_changed(content: bytes, draw: random.Random) -> bytes:
    """A table with one to three cells exchanged, or a row or column more or less."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    for _ in range(draw.randint(1, 3)):
        row = draw.choice(rows)
        match draw.randrange(4):
            case 0 if row:
                row[draw.randrange(len(row))] = draw.choice(_CELLS)
            case 1:
                rows.append(list(row))
            case 2:
                row.append(draw.choice(_CELLS))
            case _:
                del row[draw.randrange(max(1, len(row))) :]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()
