"""Pictures that were uploaded, so that each is uploaded once. All are units of work."""

from __future__ import annotations

from bridge.store.models import Picture


def picture_address(digest: str) -> str:
    """The mxc URI of the picture with this digest; empty where it was not uploaded."""
    row = Picture.get_or_none(Picture.digest == digest)
    return "" if row is None else str(row.mxc)


def is_picture(mxc: str) -> bool:
    """Whether the bridge uploaded this picture."""
    return bool(Picture.select().where(Picture.mxc == mxc).exists())


def record_picture(digest: str, mxc: str) -> None:
    """Note where a picture is."""
    Picture.insert(digest=digest, mxc=mxc).on_conflict(
        conflict_target=[Picture.digest], preserve=[Picture.mxc]
    ).execute()
