"""Pictures that were uploaded, so that each is uploaded once."""

from __future__ import annotations

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Picture


def picture_address(unit: ReadUnit, digest: str) -> str:
    """The mxc URI of the picture with this digest; empty where it was not uploaded."""
    row = unit.find(Picture, Picture.digest == digest)
    return "" if row is None else str(row.mxc)


def is_picture(unit: ReadUnit, mxc: str) -> bool:
    """Whether the bridge uploaded this picture."""
    return unit.exists(Picture.select().where(Picture.mxc == mxc))


def record_picture(unit: Unit, digest: str, mxc: str) -> None:
    """Note where a picture is."""
    unit.run(
        Picture.insert(digest=digest, mxc=mxc).on_conflict(conflict_target=[Picture.digest], preserve=[Picture.mxc])
    )
