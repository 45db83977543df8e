"""docs/directory.md: the page for the person who prepares the directory's files, made from the table of fields."""

from __future__ import annotations

from bridge.directory.fields import KINDS, RecordKind

_BEFORE = """\
# Preparing the directory

<!-- Made by `python -m bridge.docs` from bridge/directory/fields.py. Change that, not this page. -->

The directory tells the bridge who works at the firm, which matters there are, and who may see them. It is either one
YAML file, which people can write by hand (`config/demo/directory.yaml` is one to start from), or a folder of CSV files,
as spreadsheets and practice-management systems export them (`config/example-csv/`). Both hold the same records with the
same names, so everything below is true of both. The setting `directory.path` says where it is.

The bridge looks at the files every second. It checks them as a whole, and takes over either everything or nothing:
one mistake anywhere, and the firm stays as it was. Mistakes are in the log, in the answer of `firm-bridge check`, and
in that of `!directory status`, each with file, line, column and value. Of a mistake that names a matter which the
asking admin must not see, `!directory status` gives file and line only.

## How values are written

| Value | How |
|---|---|
| text | Any letters and emoji. Runs of blanks become one. Marks that are not seen are dropped; one that turns the \
writing round is refused. |
| id | Up to 100 characters without blanks, colons and semicolons. Large and small letters differ. |
| yes or no | `yes`, `y`, `true`, `t` or `1`; `no`, `n`, `false`, `f` or `0`. Also as a German, French or Dutch Excel \
writes TRUE and FALSE. Capitals make no difference. |
| date | Year-month-day, such as `2026-03-31`. Of a moment, such as `2026-03-31T09:30:00Z`, the day is read as it is \
written. In CSV also as `2026/03/31`, with the month in English letters, such as `31 Mar 2026`, and in numbers where \
`directory.dates` says whether day or month comes first: 03/04/2026 is a different day elsewhere. The year has four \
digits. |
| colour | Six hexadecimal digits, such as `#3b6ea5`. In YAML put it in quotation marks, or leave the `#` out. |
| staff member | The person's id or e-mail address. |
| group | The group's id. |
| matter | The matter's id or number. |
| list | In CSV, and on one line in YAML: values with semicolons between them. In YAML also a list. |
| pairs | In CSV: `first: second; first: second`. In YAML also a list of such lines, or keys with values. |

In CSV the marks by which a spreadsheet keeps numbers as text, `="0042"` and an apostrophe in front, are no part of the
value. A formula, an error such as `#N/A` and a long number that was cut to `4.93E+11` are refused.

An empty value is the same as none. Names of columns, keys and sections may be written with capitals, blanks or hyphens:
`First Name` is `first_name`. Whatever has a name that is not in the tables below is refused, since a misspelled
`restricted` would otherwise open a matter to everybody.

## YAML

One section for each kind of record, each a list:

```yaml
staff:
  - id: eashcombe
    first_name: Eleanor
    last_name: Ashcombe
    email: eleanor.ashcombe@ashcombevale.example
matters:
  - id: M-1042
    number: 2026-0042
    title: Hollis v. Brightwater Marina
    client: Margaret Hollis
    responsible: eashcombe
```

Save it as UTF-8. Put a value that begins with one of `& * ! # [ { > | % @` in quotation marks.

## CSV

One file for each kind of record, all in one folder. The first line holds the names of the columns, in any order;
columns that are not required may be left out. Commas, semicolons or tabs separate, whichever the first line uses; a
line such as `sep=;` before it says so as well. Save it as UTF-8; in Excel the file type is called "CSV UTF-8".
"Unicode Text" (UTF-16) is read, too, and Windows-1252 where `directory.encoding` says so. Empty lines and columns are
skipped, and with `directory.extra_columns: ignore` columns that the tables below do not have, unless one looks like the
name of one that is missing. Where a record ends before the header does, its last values are empty; but if the file ends
there without a line break, it counts as cut off.

A required file that is not there is a mistake: a lost `walls.csv` must not mean that there are no walls. If the firm
has none, leave the line with the names of the columns in it and nothing below.
"""

_AFTER = """\
## From another system's export

`firm-bridge directory convert staff=people.csv matters=cases.csv` shows what the bridge would make of such files: which
column becomes what, which are passed over, what is wrong, and what would change in the firm if they took the place of
the records there are. It changes nothing. With `--output FOLDER` it writes the directory's own CSV files; with
`--alone` it looks at the export only and needs no configuration. Windows-1252 is recognised, and lines above the header
are passed over. Clients or people one below the other in a cell are a list. People who stand there by their name ("Jane
Doe", "Doe, Jane") get their id where only one person has it, also where commas or slashes stand between them.

Where columns or values are called otherwise, a file given with `--mapping` says so. One column can give several fields;
where it gives first and last name, it is taken apart.

```yaml
staff:
  columns:            # the directory's field: the export's column
    id: User ID
    first_name: Given Name
    email: Work Email
  values:             # what the export writes: what the directory writes
    former:
      Inactive: yes
      Active: no
matters:
  columns:
    id: Matter Reference
    number: Matter Reference
    title: Description
    responsible: Responsible Attorney
```

## What is checked

- Required values are there, and each value is written as its table says.
- No two staff members have the same id, e-mail address or localpart, no two groups, matters or walls the same id, no
  two matters the same number, no two channels the same name. For e-mail addresses, matter numbers and channel names
  capitals make no difference.
- A name cannot mean two things: a group's id is nobody's id, a matter's id is no other matter's number.
- No record is called, and none names, `restricted-until-known`: that is for matters of Smokeball's until their
  deny-lists were read.
- Whoever or whatever is named is there. A group marked as deleted is named nowhere. No group contains itself.
- A list of who may see a matter stands only with a matter that is restricted.
- A wall stands around either a matter or a client, and a matter has that client. People who have a role on the matter
  may be walled off from it: the wall is the stronger.
- There is at least one active staff member.

## What waits for a firm admin

A change that would take away more than a fifth of the active staff, or of all accesses to matters, is not applied at
once: more often than not it is an export that went wrong. The setting `directory.removal_limit` says how much. What
went in the 24 hours before counts with it, unless a firm admin confirmed that: many small ones are a large one, though
three people who leave one after another are always few. The bridge holds such a change, tells the firm admins in their
room, and applies it when one of them writes `!directory confirm`. `!directory plan` says before that whose account
would end, which matters would close, and who would be put out of or come into which conversation. The confirmation is
for exactly these contents: if the files change again, the bridge asks again; if they go back to what they were,
nothing happens. The first directory ever read is not held. As long as the share of the staff is not what is too large,
whoever leaves by such a change does so at once, and walls and restrictions that are new or keep out more people are in
force at once where they are within the limit by themselves. A wall that keeps out some more and some no longer stands
as it was, and beside it as it will be, under its id with `also-` before it.

The same share of walls and restrictions that would end is held too: of the people behind walls those who would be let
in, of the restricted matters those that would open to more than half of whom they shut out. However that comes about: a
wall that is missing, shorter or past its day, a group without its members, a matter with another client. People who
left count too, since they may come back. Of such a change only that waits. Whoever would be let in stays out, if need
be behind a wall called `kept-` and the matter's id, and everything else of it is applied at once, above all what takes
something away. A wall that an admin set by command is no part of this: no file and no other source ends it.

A matter with a wall or a restriction that is deleted, or not listed any more, waits for nobody: it counts as deleted,
and what kept people out of it is kept with it. If it comes back without that, that waits like any other wall that ends.

## Taking a confirmed change back

If it was wrong after all, `!directory undo` takes back within a day the change that was confirmed last: the directory
in force is again what it was before, accounts that it ended come back, and everybody is let back into the conversations
that it took them out of, with what was said there. Whom it brought into a matter's conversation as new on its team goes
again. What changed since stays as it is now: whoever left or was walled off since is not let back. People whose account
had ended need a new password. The files still say the wrong thing, so what they say waits until they say something else
or a firm admin confirms it again. `firm-bridge directory plan`, `confirm` and `undo` do the same on the server.
"""


def directory_reference() -> str:
    """The page as Markdown."""
    sections = ["## Records", *(_section(kind) for kind in KINDS)]
    return "\n".join([_BEFORE, "\n\n".join(sections), "", _AFTER])


def _section(kind: RecordKind) -> str:
    file = "required" if kind.csv_required else "may be left out"
    rows = [
        f"| `{field.name}` | {'yes' if field.required else ''} | {field.type.name} | {field.meaning} |"
        for field in kind.fields
    ]
    heading = [f"### {kind.name.capitalize()}", "", f"YAML section `{kind.name}`; CSV file `{kind.csv_name}`, {file}."]
    return "\n".join(
        [*heading, "", kind.meaning, "", "| Name | Required | Value | Meaning |", "|---|---|---|---|", *rows]
    )
