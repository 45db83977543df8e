"""Pictures for people, rooms and the bot: what each shows, and how it is drawn. Pure.

At the size of a list a person knows a room by its colour and a few signs, so a matter's picture has the end of its
number, and matters whose numbers follow each other have colours far from each other.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from zlib import crc32

from bridge.firm.model import Matter, Staff

_SIDE = 128
_SIZES = {1: 72, 2: 60, 3: 48, 4: 38}
"""Of the letters, by how many there are, so that they stay within a circle."""
_ABOVE, _BELOW = 24, 58
_MOST = 4
_PARTS = re.compile(r"[^\W_]+")
_GOLDEN_ANGLE = 137.508
"""Degrees. Each step by so much leads to a hue that is far from all those before."""
_PALETTE = ("#3b5b7a", "#7a3b4c", "#3b7a57", "#6a5a3b", "#5b3b7a", "#3b6f7a", "#7a5c3b", "#4c4f57")
_VERSION = 1
"""Counts changes to how pictures are drawn, so that they are drawn again."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the picture of a room shows."""

    text: str
    hue: int
    """Degrees."""
    above: str = ""
    """Smaller, above the text."""
    light: bool = False
    """Whether it is dark on light, as a matter's conversations have it, and not light on dark as its space."""

    @property
    def digest(self) -> str:
        """What it is known by."""
        facts = f"{_VERSION}\n{self.text}\n{self.above}\n{self.hue}\n{self.light}"
        return hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def colors(self) -> tuple[str, str]:
        """The ground's and the letters', as hex codes."""
        if self.light:
            return _color(self.hue, 0.86, 0.55), _color(self.hue, 0.22, 0.6)
        return _color(self.hue, 0.3, 0.5), "#ffffff"


def matter_picture(matter: Matter, *, light: bool) -> Picture:
    """A matter's: the end of its number, and above it the part before, such as a year or a client's number."""
    *before, last = _PARTS.findall(matter.number) or [_initials(matter.title)]
    head, last = last[:-_MOST], last[-_MOST:]
    above = head or (before[-1] if before else "")
    at = int(last) if last.isdecimal() else crc32(last.encode())
    hue = round(at * _GOLDEN_ANGLE + crc32("/".join([*before, head]).encode("utf-8", "surrogatepass"))) % 360
    return Picture(last.lstrip("0") or last[-1:], hue, above[-_MOST:], light)


def named_picture(name: str, key: str) -> Picture:
    """A room's or the bot's that is known by a name: its initials, in a colour that stays with the key."""
    return Picture(_initials(name), crc32(key.encode()) % 360)


def _initials(name: str) -> str:
    return "".join(part[0] for part in _PARTS.findall(name))[:2].upper()


def draw(picture: Picture) -> bytes:
    """The picture as PNG."""
    return _drawn(*picture.colors, picture.text, picture.above)


def draw_person(person: Staff) -> bytes:
    """A person's initials on the colour that the directory gives them, else one made from the initials, as PNG."""
    initials, given = person.short_initials, person.color_fill
    ground = given if re.fullmatch(r"#[0-9a-fA-F]{6}", given) else _PALETTE[sum(initials.encode()) % len(_PALETTE)]
    red, green, blue = (int(ground[at : at + 2], 16) for at in (1, 3, 5))
    ink = "#ffffff" if red * 299 + green * 587 + blue * 114 < 150_000 else "#202020"
    return _drawn(ground, ink, initials)


def _drawn(ground: str, ink: str, text: str, above: str = "") -> bytes:
    # Imported here because only what is new needs it, and it is large in memory.
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (_SIDE, _SIDE), ground)
    drawing = ImageDraw.Draw(image)

    def write(line: str, size: int, height: float) -> None:
        font = ImageFont.truetype(_font(), size)
        drawing.text((_SIDE / 2, _SIDE * height), _shown(line), font=font, fill=ink, anchor="mm")

    size = _SIZES[max(1, min(len(text), _MOST))]
    if above:
        write(above, _ABOVE, 0.25)
        write(text, min(size, _BELOW), 0.58)
    else:
        write(text, size, 0.5)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _color(hue: int, lightness: float, saturation: float) -> str:
    parts = colorsys.hls_to_rgb(hue / 360, lightness, saturation)
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _font() -> Path:
    return Path(str(resources.files("font_roboto"))) / "files" / "Roboto-Bold.ttf"


def _shown(text: str) -> str:
    """The characters of a text that the font has: it has Latin, Greek and Cyrillic ones."""
    return "".join(one for one in text if ord(one) in _has())


@cache
def _has() -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(_font(), lazy=True) as font:
        return frozenset(font.getBestCmap())
