"""Avatars for staff whose directory gives a colour and initials but no picture."""

from __future__ import annotations

import io
import re

_SIDE = 128
_PALETTE = ("#3b5b7a", "#7a3b4c", "#3b7a57", "#6a5a3b", "#5b3b7a", "#3b6f7a", "#7a5c3b", "#4c4f57")


def avatar_png(initials: str, color: str) -> bytes:
    """A square picture of the initials on the colour (a hex code; another value gives one made from the initials)."""
    # Imported here because only a person's first day needs it, and it is large in memory.
    from PIL import Image, ImageDraw, ImageFont

    background = color if re.fullmatch(r"#[0-9a-fA-F]{6}", color) else _PALETTE[sum(initials.encode()) % len(_PALETTE)]
    red, green, blue = (int(background[at : at + 2], 16) for at in (1, 3, 5))
    ink = "white" if red * 299 + green * 587 + blue * 114 < 150_000 else "#202020"
    image = Image.new("RGB", (_SIDE, _SIDE), background)
    font = ImageFont.load_default(size=56 if len(initials) < 3 else 44)
    ImageDraw.Draw(image).text((_SIDE / 2, _SIDE / 2), initials, font=font, fill=ink, anchor="mm")
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
