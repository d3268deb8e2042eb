"""Pictures for the body of a message: drawn again and made smaller, so that nothing of the upload but its pixels is served."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from crm.errors import Invalid

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS = 40_000_000
MAX_WIDTH, MAX_HEIGHT = 1280, 4000  # twice the width of a message: sharp on every screen
SHOWN_WIDTH = 600


@dataclass(frozen=True)
class Picture:
    content: bytes
    media_type: str
    width: int
    height: int

    @property
    def shown_width(self) -> int:
        return min(self.width, SHOWN_WIDTH)


def redraw(content: bytes) -> Picture:
    """A JPEG, or a PNG where something shows through; Invalid for what is no picture, too large, or damaged."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise Image.DecompressionBombError
                opened.draft("RGB", (MAX_WIDTH, MAX_HEIGHT))  # a JPEG is read at the size that is needed
                picture: Image.Image = ImageOps.exif_transpose(opened)
                picture = _plain(picture)
                picture.thumbnail((MAX_WIDTH, MAX_HEIGHT), Image.Resampling.LANCZOS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid(_("This picture has more than 40 million pixels. Make it smaller."), code="too_large") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        raise Invalid(
            _("This is no picture that mail programs show. Taken are PNG, JPEG, WebP and GIF."), code="no_picture"
        ) from error
    out = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(out, "PNG", optimize=True)
        return Picture(out.getvalue(), "image/png", picture.width, picture.height)
    picture.save(out, "JPEG", quality=85, optimize=True, progressive=True)
    return Picture(out.getvalue(), "image/jpeg", picture.width, picture.height)


def _plain(picture: Image.Image) -> Image.Image:
    """RGB in the colours that screens assume, or RGBA where it shows through; without anything that was written into it."""
    profile = picture.info.get("icc_profile")
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    plain = picture.convert("RGBA" if has_alpha else "RGB")
    if has_alpha and plain.getchannel("A").getextrema() == (255, 255):
        plain = plain.convert("RGB")
    if profile and plain.mode == "RGB" and picture.mode == "RGB":
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(plain, source, ImageCms.createProfile("sRGB"))
            plain = converted or plain
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a profile that cannot be read changes no colours
    plain.info = {}
    return plain
