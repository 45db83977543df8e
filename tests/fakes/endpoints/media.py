"""Files."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tests.fakes.endpoints.asked import Asked, Json, require_admin
from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.homeserver import FakeHomeserver


def admin_media(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    server_name, media_id = asked.args
    if server_name != fake.server_name or media_id not in fake.media:
        raise Denied(404, "M_NOT_FOUND", "Unknown media")
    data = fake.media[media_id][1]
    sha256, owner = hashlib.sha256(data).hexdigest(), fake.uploaders.get(media_id, fake.bot_id)
    info = {"media_id": media_id, "user_id": owner, "media_length": len(data), "sha256": sha256}
    return {"media_info": {**info, "quarantined_by": fake.bot_id if sha256 in fake.quarantined else None}}


def admin_quarantine(fake: FakeHomeserver, asked: Asked) -> Json:
    """As Synapse does, with all that has the same content."""
    require_admin(fake, asked)
    if asked.args[0] == fake.server_name and asked.args[1] in fake.media:
        fake.quarantined.add(hashlib.sha256(fake.media[asked.args[1]][1]).hexdigest())
    return {}


def upload(fake: FakeHomeserver, asked: Asked) -> Json:
    media_id = f"media{len(fake.media) + 1}"
    fake.media[media_id] = (asked.query.get("filename", ""), asked.body)
    fake.uploaders[media_id] = asked.user_id
    return {"content_uri": f"mxc://{fake.server_name}/{media_id}"}


def thumbnail(fake: FakeHomeserver, asked: Asked) -> bytes:
    """As far as anybody looks: a picture is its own thumbnail."""
    data = download(fake, asked)
    if not data.startswith(b"\x89PNG"):
        raise Denied(400, "M_UNKNOWN", "Cannot find any thumbnails for the requested media")
    return data


def download(fake: FakeHomeserver, asked: Asked) -> bytes:
    server_name, media_id = asked.args
    if server_name != fake.server_name or media_id not in fake.media:
        raise Denied(404, "M_NOT_FOUND", "Not found '/_matrix/client/v1/media/download'")
    data = fake.media[media_id][1]
    if hashlib.sha256(data).hexdigest() in fake.quarantined:
        raise Denied(404, "M_NOT_FOUND", "Not found '/_matrix/client/v1/media/download'")
    return data
