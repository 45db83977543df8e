#!/bin/sh
# APScheduler 3.11.3 (PyPI), with the time zone data of tzdata 2025.2.
#
# A cron trigger for the first hour of the day, in a zone whose clocks go forward in a night, passes over the day *after*
# that night: counting on to the next day it adds the hours of an ordinary one, comes out at one o'clock, and goes on to
# the day after. Nothing is skipped in the night itself, and the documentation speaks only of times that do not exist or
# come twice. Walls that begin or end with that Monday would wait until Tuesday. So the bridge gives every trigger in UTC,
# and asks each minute whether the firm has another day.
#
# Seen:   00:01 in Europe/Berlin: Sat 28, Sun 29, Tue 31
#         00:01 in America/New_York: Sat 07, Sun 08, Tue 10
#         01:00 in Europe/Berlin: Sat 28, Sun 29, Mon 30
# Fails when that changes: then begin_day in bridge/upkeep/passes.py is asked each minute for one reason less. The other
# stays: where clocks go forward at midnight, that day has none.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check apscheduler==3.11.3 tzdata==2025.2
seen=$(PYTHONTZPATH='' "$place/venv/bin/python" - <<'END'
from datetime import datetime
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger


def days(hour: int, minute: int, zone: str, friday: int) -> str:
    trigger = CronTrigger(hour=hour, minute=minute, timezone=zone)
    at = datetime(2026, 3, friday, 12, tzinfo=ZoneInfo(zone))
    found = []
    for _ in range(3):
        at = trigger.get_next_fire_time(None, at.replace(minute=59))
        found.append(f"{at:%a %d}")
    return f"{hour:02}:{minute:02} in {zone}: {', '.join(found)}"


print(days(0, 1, "Europe/Berlin", 27))
print(days(0, 1, "America/New_York", 6))
print(days(1, 0, "Europe/Berlin", 27))
END
)
echo "$seen"
[ "$seen" = "00:01 in Europe/Berlin: Sat 28, Sun 29, Tue 31
00:01 in America/New_York: Sat 07, Sun 08, Tue 10
01:00 in Europe/Berlin: Sat 28, Sun 29, Mon 30" ] || { echo "This is otherwise than it was." >&2; exit 1; }
