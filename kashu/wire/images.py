"""Pictures from outside: known by their content, decoded within bounds, encoded anew. Nothing of the file survives."""

from __future__ import annotations

import io
from enum import StrEnum

from PIL import Image, ImageOps, UnidentifiedImageError

from kashu.catalog import Image as Picture
from kashu.kernel.ids import new_id

SIDE_MAX = 1_200
PIXELS_MAX = 40_000_000
BYTES_MAX = 524_288
FORMATS = ("JPEG", "PNG", "WEBP")


class ImageRefusal(StrEnum):
    NOT_A_PICTURE = "not_a_picture"
    TOO_LARGE = "too_large"


def encode(content: bytes) -> Picture | ImageRefusal:
    """A WebP of at most 1200 px a side, without metadata."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                return ImageRefusal.TOO_LARGE
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ImageRefusal.NOT_A_PICTURE
    picture.thumbnail((SIDE_MAX, SIDE_MAX))
    for quality in (82, 70, 55, 40):
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality)
        if out.tell() <= BYTES_MAX:
            return Picture(new_id(), out.getvalue(), "image/webp", picture.width, picture.height)
    return ImageRefusal.TOO_LARGE
