"""Reading the configuration: what is refused, where it says the problem is, and what it advises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.configuration import ConfigError, load_settings
from bridge.retired import RETIRED
from bridge.settings import EXAMPLE_SECRET, Settings
from bridge.settings.fields import setting_fields

GOOD: dict[str, Any] = {
    "homeserver": {"server_name": "firm.example"},
    "appservice": {"as_token": "a" * 32, "hs_token": "b" * 32},
    "security": {"alias_key": "c" * 32},
}
Write = Callable[[Any], Path]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRM_BRIDGE_CONFIG", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a configuration: text as it is, or sections laid over good ones."""

    def write_it(given: Any) -> Path:
        file = tmp_path / "firm-bridge.yaml"
        if isinstance(given, dict):
            merged = {name: {**GOOD.get(name, {}), **given.get(name, {})} for name in {*GOOD, *given}}
            given = yaml.safe_dump(merged, sort_keys=False)
        file.write_text(given, encoding="utf-8")
        return file

    return write_it


def problems(file: Path) -> list[str]:
    """The lines of the error, without the file's name and the line."""
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    "setting", ["firm.name", "firm.firm_wide_channel", "firm.first_matter_conversation_title", "appservice.bot_name"]
)
def test_no_room_is_called_nothing_nor_the_bot(write: Write, setting: str) -> None:
    section, key = setting.split(".")
    (line,) = problems(write({section: {key: " "}}))
    assert f"{setting}: ' ' cannot be used. It is empty." in line


def test_the_guards_key_is_empty_or_long(write: Write) -> None:
    assert not load_settings(write({})).guarded
    assert not load_settings(write({"guard": {"key": ""}})).guarded
    assert load_settings(write({"guard": {"key": "g" * 16}})).guarded
    (line,) = problems(write({"guard": {"key": "g" * 15}}))
    assert "guard.key: It has fewer than 16 characters." in line


def test_the_authentication_service_needs_an_address_a_client_and_a_secret(write: Write, tmp_path: Path) -> None:
    whole = {"url": "https://mas.example/here", "client_id": "01J", "client_secret_file": "mas-secret"}
    read = load_settings(write({"mas": whole})).mas
    assert read.client_secret_file == str(tmp_path / "mas-secret")
    for name, wrong in (("url", "mas.example"), ("client_id", ""), ("client_secret_file", "")):
        (line,) = problems(write({"mas": {**whole, name: wrong}}))
        assert f"mas.{name}: " in line


@pytest.mark.parametrize(("given", "mode"), [(True, "on"), (False, "off"), ("by_matter", "by_matter")])
def test_filing_is_on_or_off_as_yaml_reads_it_and_its_folder_is_beside_the_file(
    write: Write, given: object, mode: str
) -> None:
    file = write({"filing": {"mode": given, "url": "files/cabinet"}})
    filing = load_settings(file).filing
    assert filing.mode == mode
    assert filing.url.get_secret_value() == str(file.parent / "files/cabinet")
    remote = load_settings(write({"filing": {"url": "s3://bucket/x", "options": '{"auth": ["me", "k"]}'}})).filing
    assert remote.url.get_secret_value() == "s3://bucket/x"
    assert remote.backend_options == {"auth": ("me", "k")}


@pytest.mark.parametrize("options", ["key: secret-one", "[]", "{"])
def test_options_of_the_cabinet_that_cannot_be_read_are_not_repeated(write: Write, options: str) -> None:
    (line,) = problems(write({"filing": {"options": options}}))
    assert "filing.options: It must be JSON such as" in line
    assert "secret-one" not in line


def test_good_settings_are_read(write: Write) -> None:
    settings = load_settings(write({"log": {"level": "debug"}}))
    assert settings.bot_id == "@bot:firm.example"
    assert settings.log.level == "debug"


def test_every_problem_is_named_at_once(write: Write) -> None:
    file = write(
        "homeserver:\n  url: htp://x\n"
        "appservice:\n  as_tokn: x\n  as_token: short\n  hs_token: change-me\n  listen_port: 99999\n"
        "log:\n  level: loud\n"
        "frim:\n  name: x\n"
    )
    found = problems(file)
    assert f"{file}:10: frim: There is no such section. Did you mean firm?" in found
    assert f"{file}:4: appservice.as_tokn: There is no such setting. Did you mean appservice.as_token?" in found
    assert any(line.startswith(f"{file}:5: appservice.as_token: It has fewer than 16 characters.") for line in found)
    assert any(line.startswith(f"{file}:6: appservice.hs_token: It is missing or still the example.") for line in found)
    assert any(line.startswith(f"{file}:7: appservice.listen_port: 99999 cannot be used.") for line in found)
    assert any(line.startswith(f"{file}:9: log.level: 'loud' cannot be used.") for line in found)
    assert any("security.alias_key: It is missing" in line for line in found)


@pytest.mark.parametrize("key", ["appservice.as_token", "appservice.hs_token", "security.alias_key", "guard.key"])
@pytest.mark.parametrize("left_over", [EXAMPLE_SECRET, f"{EXAMPLE_SECRET}-{EXAMPLE_SECRET}"])
def test_example_secrets_are_refused_with_key_and_remedy(write: Write, key: str, left_over: str) -> None:
    section, name = key.split(".")
    (line,) = problems(write({section: {name: left_over}}))
    assert f"{key}: It is missing or still the example." in line
    assert "openssl rand" in line


@pytest.mark.parametrize(
    ("section", "name", "value", "said"),
    [
        ("homeserver", "server_name", "https://firm.example", "not a server name"),
        ("homeserver", "server_name", "firm example", "not a server name"),
        ("homeserver", "url", "firm.example:8008", "Write it with http"),
        ("homeserver", "url", "http://firm.example/_matrix", "Leave only those"),
        ("appservice", "url", "ftp://127.0.0.1", "Write it with http"),
        ("appservice", "bot_localpart", "Bot", "cannot be a user's name"),
        ("appservice", "bot_localpart", "_firm_bridge", "the same as appservice.sender_localpart"),
        ("appservice", "hs_token", "a" * 32, "the same as appservice.as_token"),
        ("firm", "timezone", "Mars/Olympus", "There is no time zone"),
        ("firm", "timezone", "../../etc/passwd", "There is no time zone"),
        ("accounts", "localpart_template", "{nick}", "{nick} is not known"),
        ("accounts", "localpart_template", "{email", "cannot be read"),
        ("accounts", "localpart_template", "{email.__class__}", "is not known"),
        ("accounts", "localpart_template", "{}", "is not known"),
        ("accounts", "localpart_template", "staff", "Everybody would get the same name"),
        ("database", "url", "mysql://x/y", "not an address of a database"),
        ("directory", "removal_limit", 101, "less than or equal to 100"),
        ("drift", "rooms_per_second", "often", "valid number"),
        ("homeserver", "concurrency", 0, "greater than or equal to 1"),
        ("firm", "admin_roles", 3, "tuple"),
    ],
)
def test_each_rule_of_a_setting(write: Write, section: str, name: str, value: object, said: str) -> None:
    (line,) = problems(write({section: {name: value}}))
    assert f"{section}.{name}: " in line
    assert said in line


@pytest.mark.parametrize("name", ["firm.example", "firm.example:8448", "localhost", "[::1]:8448", "10.0.0.7"])
def test_server_names_of_the_specification_are_accepted(write: Write, name: str) -> None:
    assert load_settings(write({"homeserver": {"server_name": name}})).homeserver.server_name == name


def test_a_key_given_twice_is_refused_with_both_lines(write: Write) -> None:
    file = write("homeserver:\n  url: http://a\n  server_name: b\n  url: http://c\n")
    assert problems(file) == [f"{file}:4: The key homeserver.url is given twice, first in line 2. Leave one."]


@pytest.mark.parametrize("text", ["homeserver: [", "a: b: c", "\tx: 1", "a: &x *y", "!!python/object:os.system {}"])
def test_what_is_not_yaml_is_refused_with_the_line(write: Write, text: str) -> None:
    (line,) = problems(write(text))
    assert "firm-bridge.yaml:1: This is not YAML" in line


def test_a_text_or_list_is_no_configuration(write: Write) -> None:
    assert "has no sections" in problems(write("- a\n"))[0]
    assert "has no sections" in problems(write("hello"))[0]


def test_missing_unreadable_and_binary_files(tmp_path: Path) -> None:
    assert "firm-bridge init" in problems(tmp_path / "nothing.yaml")[0]
    assert "is a folder. Name the file in it" in problems(tmp_path)[0]
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    assert "not text in UTF-8" in problems(binary)[0]


def test_a_section_with_everything_commented_out_is_fine(write: Write) -> None:
    text = yaml.safe_dump(GOOD) + "drift:\n  # check_time: 03:00\nlog: {}\n"
    assert load_settings(write(text)).drift.check_time == "03:00"


def test_a_value_where_a_section_belongs(write: Write) -> None:
    (line,) = problems(write(yaml.safe_dump({**GOOD, "drift": 3})))
    assert "drift: This is a section." in line


@pytest.mark.parametrize("key", RETIRED)
def test_a_setting_of_old_is_refused_with_what_holds_instead(
    write: Write, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, name = key.split(".")
    file = write({section: {name: 7}})
    (line,) = problems(file)
    assert line.startswith(f"{file}:")
    assert f": {key}: This cannot be set any more: take it out. " in line
    assert line.endswith(RETIRED[key])
    variable = f"FIRM_BRIDGE_{section}__{name}".upper()
    monkeypatch.setenv(variable, "7")
    assert problems(write({})) == [f"{variable}: This cannot be set any more: take it out. {RETIRED[key]}"]


def test_no_setting_is_called_as_one_of_old() -> None:
    assert set(setting_fields()).isdisjoint(RETIRED)


def test_an_empty_section_of_old_is_fine_and_what_never_was_in_it_is_unknown(write: Write) -> None:
    text = yaml.safe_dump(GOOD)
    assert load_settings(write(text + "inbox:\n  # max_waiting: 10000\n"))
    assert "inbox: There is no such section." in problems(write(text + "inbox:\n  foo: 1\n"))[0]
    assert "inbox: There is no such section." in problems(write(text + "inbox: 3\n"))[0]


def test_numbers_are_read_as_text_where_text_is_meant(write: Write) -> None:
    assert load_settings(write({"homeserver": {"room_version": 12}})).homeserver.room_version == "12"


def test_the_environment_overrides_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRM_BRIDGE_HOMESERVER__URL", "https://matrix.firm.example")
    monkeypatch.setenv("FIRM_BRIDGE_APPSERVICE__AS_TOKEN", "e" * 32)
    monkeypatch.setenv("FIRM_BRIDGE_FIRM__ADMIN_ROLES", '["Partner"]')
    settings = load_settings(write({"homeserver": {"url": "http://other.example", "concurrency": 7}}))
    assert settings.homeserver.url == "https://matrix.firm.example"
    assert settings.homeserver.concurrency == 7
    assert settings.appservice.as_token.get_secret_value() == "e" * 32
    assert settings.firm.admin_roles == ("Partner",)


def test_problems_of_the_environment_name_the_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRM_BRIDGE_HOMESERVER__CONCURRENCY", "1000")
    monkeypatch.setenv("FIRM_BRIDGE_HOMSERVER__URL", "http://x")
    found = problems(write({}))
    assert found[0] == "FIRM_BRIDGE_HOMSERVER__URL: There is no such setting. Did you mean FIRM_BRIDGE_HOMESERVER__URL?"
    assert found[1].startswith("FIRM_BRIDGE_HOMESERVER__CONCURRENCY: homeserver.concurrency: '1000' cannot be used.")


def test_a_list_in_the_environment_that_is_no_json(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRM_BRIDGE_FIRM__ADMIN_ROLES", "Partner")
    (line,) = problems(write({}))
    assert "Lists are JSON" in line


def test_the_file_is_the_one_given_else_the_variable_else_the_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = write({"firm": {"name": "Here"}})
    monkeypatch.chdir(tmp_path)
    assert load_settings().firm.name == "Here"
    other = tmp_path / "other.yaml"
    other.write_text(here.read_text().replace("Here", "Other"))
    monkeypatch.setenv("FIRM_BRIDGE_CONFIG", str(other))
    assert load_settings().firm.name == "Other"
    assert load_settings(here).firm.name == "Here"


def test_relative_paths_start_at_the_configuration(write: Write, tmp_path: Path) -> None:
    settings = load_settings(write({"directory": {"path": "firm/directory.yaml"}}))
    assert settings.directory.path == str(tmp_path / "firm" / "directory.yaml")
    assert settings.database.url.get_secret_value() == f"sqlite:///{tmp_path}/bridge.db"


def test_absolute_paths_and_other_databases_stay(write: Write) -> None:
    url = "postgresql://bridge:word@db.example/firm"
    settings = load_settings(write({"directory": {"path": "/srv/directory"}, "database": {"url": url}}))
    assert settings.directory.path == "/srv/directory"
    assert settings.database.url.get_secret_value() == url


def test_printing_settings_shows_no_secret(write: Write) -> None:
    settings = load_settings(write({"database": {"url": "postgresql://bridge:word@db.example/firm"}}))
    shown = f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    for secret in ("a" * 32, "b" * 32, "c" * 32, "word@db"):
        assert secret not in shown


def test_an_error_shows_no_secret(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(write({"appservice": {"as_token": "hush"}, "database": {"url": "mysql://u:hush@h"}}))
    assert len(found) == 2 or "as_token" in found[0]
    assert all("hush" not in line for line in found)
    monkeypatch.setenv("FIRM_BRIDGE_SECURITY__ALIAS_KEY", "hush")
    assert all("hush" not in line for line in problems(write({})))


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description and field.description.endswith(".") for field in setting_fields().values())
    assert all(field.annotation and field.annotation.__doc__ for field in Settings.model_fields.values())


@pytest.mark.parametrize(("written", "read"), [("08:30", "08:30"), ("10:30", "10:30"), ("'07:05'", "07:05")])
def test_a_time_of_day_needs_no_quotation_marks(write: Write, written: str, read: str) -> None:
    good = yaml.safe_dump(GOOD)
    assert load_settings(write(f"{good}care:\n  digest_time: {written}\n")).care.digest_time == read


@pytest.mark.parametrize("written", ["24:00", "8:30 am", "-1:20", "yes", "08:60", "8.30"])
def test_what_is_no_time_of_day_is_refused(write: Write, written: str) -> None:
    (problem,) = problems(write(f"{yaml.safe_dump(GOOD)}care:\n  digest_time: {written}\n"))
    assert "care.digest_time: " in problem
    assert "It must be hours and minutes, such as 08:00." in problem


def test_a_missing_configuration_names_the_folder_and_the_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "bridge.yaml").write_text("appservice:\n  bot_name: x\n")
    (tmp_path / "directory.yaml").write_text("staff: []\n")
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/firm-bridge.yaml. Is it bridge.yaml, ")):
        load_settings(tmp_path / "firm-bridge.yaml")
    with pytest.raises(ConfigError, match=re.escape(f"there is no folder {tmp_path}/nowhere.")):
        load_settings(tmp_path / "nowhere" / "firm-bridge.yaml")
