"""Files as people and attackers make them, built here so that each test says what is wrong with its own."""

import io
import struct
import zipfile
import zlib

from PIL import Image

TYPES = (
    '<?xml version="1.0"?><Types><Override ContentType="application/vnd.openxmlformats-officedocument.{main}"/></Types>'
)
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def archive(parts: dict[str, bytes | str], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


def office(main: str = "wordprocessingml.document.main+xml", **more: bytes | str) -> bytes:
    return archive({"[Content_Types].xml": TYPES.format(main=main), "word/document.xml": "<w/>", **more})


def picture(form: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(out, form, **options)
    return out.getvalue()


def png_that_says(width: int, height: int) -> bytes:
    """A small file whose header promises a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
