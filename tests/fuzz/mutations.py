"""Seeded mutations of files: of bytes, and of what JSON, text, NumPy, zip and safetensors files consist of."""

import io
import json
import lzma
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

UNREADABLE = (
    *(ValueError, KeyError, IndexError, TypeError, RuntimeError, OSError, EOFError),
    *(struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What a mutation raises on a file that an earlier one broke."""

HUGE = [
    "99999999999999999999",
    "1e308",
    "1e999",
    "-1e308",
    "NaN",
    "inf",
    "-inf",
    "0",
    "-1",
    "4294967296",
    "",
    "x",
    "1e-320",
]
WORDS = [
    "",
    "\x00",
    "\x1b[2J",
    "../../../etc/passwd",
    "/dev/zero",
    "ä\u2028",
    "🙂" * 50,
    "<|endoftext|>",
    "A" * 70000,
]
VALUES: list[Any] = [
    *(None, True, -1, 0, 2**31, 2**53, 2**70, 1e308, -1e308, 0.5, [], {}, [[]], [None] * 3, {"a": {"b": []}}),
    *(10**6, 10**12, "1", *WORDS),
]


def mutate(name: str, data: bytes, rng: random.Random) -> bytes:
    """The file's bytes after one to three mutations that suit its suffix; a fifth of them know nothing of formats."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        suffix = name.rpartition(".")[2].lower()
        own = BY_SUFFIX.get(suffix, [of_lines]) if rng.random() < 0.8 else [of_bytes]
        try:
            data = rng.choice(own)(data, rng)
        except UNREADABLE:
            data = of_bytes(data, rng)  # an earlier mutation left nothing of the format
    return data


def of_bytes(data: bytes, rng: random.Random) -> bytes:
    """Bit flips, truncation, runs of bytes lost, doubled, inserted or overwritten."""
    raw = bytearray(data)
    if not raw:
        return rng.randbytes(rng.randrange(64))
    at = rng.randrange(len(raw))
    size = rng.choice((1, 2, 4, 8, 64, 1024))
    kind = rng.randrange(7)
    if kind == 0:
        for _ in range(rng.choice((1, 1, 4, 16, 64))):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del raw[at:]
    elif kind == 2:
        del raw[at : at + size]
    elif kind == 3:
        raw[at:at] = raw[at : at + size]
    elif kind == 4:
        raw[at:at] = rng.randbytes(size)
    elif kind == 5:
        raw[at : at + size] = rng.choice((b"\xff", b"\x00", b"\n", b"[")) * size
    else:
        raw[: min(512, len(raw))] = of_bytes(bytes(raw[:512]), rng) if len(raw) > 512 else raw[:512]
    return bytes(raw)


def of_lines(data: bytes, rng: random.Random) -> bytes:
    """Lines lost, doubled or exchanged; numbers and words replaced; other encodings."""
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(9)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at:at] = [lines[at]] * rng.choice((1, 2, 1000))
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif kind in (3, 4):
        words = lines[at].split(b" ")
        words[rng.randrange(len(words))] = rng.choice(HUGE + WORDS).encode("utf-8", "surrogatepass")
        lines[at] = b" ".join(words)
    elif kind == 5:
        return data.decode("utf-8", "replace").encode(
            rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "cp037"))
        )
    elif kind == 6:
        lines[at] = lines[at][: len(lines[at]) // 2] + rng.choice(
            (b"\xe4\xf6", b"\x81", b"\x00", b"\t", b"\r", b"\x0c", b'"')
        )
    elif kind == 7:
        lines[at:at] = [b""] * rng.choice((1, 100, 100_000))
    else:
        lines = lines[: at + 1]
    return b"\n".join(lines)


def of_json(data: bytes, rng: random.Random) -> bytes:
    """One value replaced, removed, renamed or doubled; deep nesting; NaN."""
    kind = rng.randrange(10)
    if kind == 0:
        depth = rng.choice((100, 2000, 100_000))
        return b"[" * depth + data[: rng.randrange(100)] + b"]" * depth
    if kind == 1:
        return of_lines(data, rng)
    value = json.loads(data)
    slots = list(_slots(value))
    if not slots:
        return json.dumps(rng.choice(VALUES)).encode()
    holder, key = rng.choice(slots)
    if kind == 2:
        del holder[key]
    elif kind == 3 and isinstance(holder, dict):
        holder[rng.choice(["unknown", "", "\x00", "__class__"])] = holder[key]
    elif kind == 4 and isinstance(holder, list):
        holder += holder[: rng.choice((1, 100))]
    elif kind == 5:
        holder[key] = float(rng.choice(("nan", "inf", "-inf")))
    elif kind == 6:
        nested: Any = holder[key]
        for _ in range(rng.choice((10, 100, 400))):
            nested = [nested]
        holder[key] = nested
    else:
        holder[key] = rng.choice(VALUES)
    text = json.dumps(value)
    if kind == 7 and isinstance(holder, dict):
        text = text.replace("{", f"{{{json.dumps(str(key))}: 1, {json.dumps(str(key))}: 2, ", 1)
    return text.encode("utf-8", "surrogatepass")


def of_json_lines(data: bytes, rng: random.Random) -> bytes:
    """One line of JSON mutated, or lines as such."""
    lines = data.split(b"\n")
    full = [index for index, line in enumerate(lines) if line.strip()]
    if not full or rng.random() < 0.3:
        return of_lines(data, rng)
    at = rng.choice(full)
    lines[at] = of_json(lines[at], rng)
    return b"\n".join(lines)


def of_npy(data: bytes, rng: random.Random) -> bytes:
    """Another type, order or shape in the header, or other numbers in the data."""
    size = int.from_bytes(data[8:10], "little")
    header, body = data[10 : 10 + size].decode("latin-1"), bytearray(data[10 + size :])
    kind = rng.randrange(6)
    if kind == 0:
        header = _with(
            header,
            "descr",
            repr(rng.choice(("|O", "<c16", "<M8[s]", "<U4", "<f2", "<i4", ">f8", "|V8", "<f16", "|b1", "?"))),
        )
    elif kind == 1:
        shapes = (
            "(0,)",
            "()",
            "(-1,)",
            "(True,)",
            "(1e3,)",
            "(" + "9" * 30 + ",)",
            "(99999999, 22, 3)",
            "(2,) * 9",
            "(3, 263)",
        )
        header = _with(header, "shape", rng.choice(shapes))
    elif kind == 2:
        header = _with(header, "fortran_order", rng.choice(("True", "None", "[]")))
    elif kind == 3:
        header = rng.choice(
            ("(" * 5000, "{" * 99, header[: len(header) // 2], header * 3, "{'descr': 0x}", "", "L" * 9)
        )
    elif len(body) >= 8:
        for _ in range(rng.choice((1, 1, 20))):
            at = rng.randrange(len(body) // 8) * 8
            number = float(rng.choice(("nan", "inf", "-inf", "1e30", "-1e6", "1e300", "0")))
            body[at : at + 8] = struct.pack(
                *rng.choice((("<d", number), ("<2e", 60000, 1), ("<2f", min(number, 3e38), 0)))
            )
    text = header.encode("latin-1")
    length = rng.choice((len(text), 65535, 0)) if rng.random() < 0.05 else len(text)
    return data[:8] + length.to_bytes(2, "little") + text + bytes(body)


def of_zip(data: bytes, rng: random.Random) -> bytes:
    """A member mutated, lost, doubled, renamed or packed otherwise; sizes that lie."""
    kind = rng.randrange(8)
    if kind == 0:
        raw = bytearray(data)
        at = data.rindex(b"PK\x01\x02") + rng.choice((20, 24, 42))  # packed size, unpacked size, offset
        raw[at : at + 4] = struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 2, 2**32 - 1)))
        return bytes(raw)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    if kind == 1:
        del members[at]
    elif kind == 2:
        members[at] = (rng.choice(("../x.npy", "", "a/b.npy", "\x00.npy", name + "x")), content)
    elif kind == 3:
        members += [(f"extra{i}.npy", content) for i in range(rng.choice((1, 300)))]
    elif kind == 4:
        members[at] = (name, content + bytes(rng.choice((1, 1 << 20))))
    else:
        members[at] = (name, mutate(name, content, rng))
    packing = (
        rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))
        if kind == 5
        else 0
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def of_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Header mutated as JSON, its length wrong, or other numbers in the tensors."""
    size = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + size], data[8 + size :]
    kind = rng.randrange(5)
    if kind == 0:
        return (
            rng.choice((0, 1, max(size - 1, 0), size + 1, 2**62, 10**8)).to_bytes(8, "little") + header + body
        )
    if kind == 1 and body:
        raw = bytearray(body)
        at = rng.randrange(len(raw))
        raw[at : at + 4] = struct.pack("<f", float(rng.choice(("nan", "inf", "3e38"))))
        return data[: 8 + size] + bytes(raw)
    if kind == 2:
        values = json.loads(header)
        entry = values[rng.choice([name for name in values if name != "__metadata__"])]
        field = rng.choice(("dtype", "shape", "data_offsets"))
        choices = {"dtype": ["F64", "F8_E4M3", "X", 3], "shape": [[], [-1], [2**40], [1] * 70, "x"]}
        entry[field] = rng.choice(choices.get(field, [[0, 2**50], [5, 1], [-4, 0], [0]]))
        header = json.dumps(values).encode()
    else:
        header = of_json(header, rng)
    return len(header).to_bytes(8, "little") + header + body


def of_glb(data: bytes, rng: random.Random) -> bytes:
    """The JSON of a binary glTF mutated, or its bytes."""
    size = int.from_bytes(data[12:16], "little")
    if rng.random() < 0.3 or data[16:20] != b"JSON":
        return of_bytes(data, rng)
    text = of_json(data[20 : 20 + size], rng)
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    length = (20 + len(text) + len(rest)).to_bytes(4, "little")
    return data[:8] + length + len(text).to_bytes(4, "little") + b"JSON" + text + rest


def _with(header: str, name: str, value: str) -> str:
    """A header of .npy with another value of one of its entries."""
    start = header.index(f"'{name}':") + len(name) + 3
    end = header.index("), " if name == "shape" else ", ", start) + (1 if name == "shape" else 0)
    return f"{header[:start]} {value}{header[end:]}"


def _slots(value: Any) -> Any:
    """All pairs of container and key in a JSON value."""
    stack = [value]
    while stack:
        holder = stack.pop()
        keys = (
            list(holder)
            if isinstance(holder, dict)
            else range(len(holder))
            if isinstance(holder, list)
            else ()
        )
        for key in keys:
            yield holder, key
            stack.append(holder[key])


BY_SUFFIX: dict[str, list[Mutation]] = {
    "json": [of_json],
    "jsonl": [of_json_lines],
    "npy": [of_npy],
    "npz": [of_zip],
    "glb": [of_glb],
    "ckpt": [of_zip],
    "tar": [of_zip],
    "pt": [of_zip],
    "safetensors": [of_safetensors],
    "pkl": [of_bytes],
}
