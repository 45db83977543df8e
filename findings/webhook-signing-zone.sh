#!/bin/sh
# standardwebhooks 1.1.0 (PyPI), with the time zone data of tzdata 2025.2.
#
# `Webhook.sign` takes the moment as a datetime, and calls its numbers UTC whatever zone they are in. So it signs another
# moment than the one given, unless that happens to be in UTC, and the library's own `verify` refuses what it signed.
# Whoever tests a receiver with requests signed in the firm's own zone takes a good receiver for a broken one; where tests
# run in UTC it does not show.
#
# Seen:   signed in UTC: genuine; the same moment signed in America/New_York: not genuine
# Fails when that changes: then bridge/webhooks/signing.py could be the library's own, which the tests verify with already.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check standardwebhooks==1.1.0 tzdata==2025.2
seen=$("$place/venv/bin/python" - <<'END'
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_" + "QUJD" * 8)
now = datetime.now(timezone.utc)


def verified(at: datetime) -> str:
    signature = webhook.sign("msg_1", at, "{}")
    seconds = str(int(at.timestamp()))
    try:
        webhook.verify("{}", {"webhook-id": "msg_1", "webhook-timestamp": seconds, "webhook-signature": signature})
    except WebhookVerificationError:
        return "not genuine"
    return "genuine"


there = now.astimezone(ZoneInfo("America/New_York"))
print(f"signed in UTC: {verified(now)}; the same moment signed in America/New_York: {verified(there)}")
END
)
echo "$seen"
[ "$seen" = "signed in UTC: genuine; the same moment signed in America/New_York: not genuine" ] ||
    { echo "This is otherwise than it was." >&2; exit 1; }
