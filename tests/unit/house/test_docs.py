"""The pages made from the code are complete, and what the tree holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bridge.check.table import HOMESERVER_SETTINGS
from bridge.commands.all import COMMANDS
from bridge.commands.dispatch import find_commands
from bridge.configuration import ConfigError, load_settings
from bridge.docs import pages as docs
from bridge.sample import SECRETS, configuration_yaml, sample_yaml
from bridge.settings.fields import setting_fields

HOMESERVER_YAML = yaml.safe_load((docs.ROOT / "synapse-dev" / "homeserver.yaml").read_text(encoding="utf-8"))


def test_the_tree_holds_what_the_code_says() -> None:
    assert docs.differences(docs.ROOT) == ""


def test_a_difference_is_shown(tmp_path: Path) -> None:
    for path, text in docs.pages().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert docs.differences(tmp_path) == ""
    (tmp_path / "docs/metrics.md").write_text("old\n")
    assert "-old\n" in docs.differences(tmp_path)


def test_every_setting_is_on_the_page_and_in_the_sample() -> None:
    page, sample = docs.settings_page(), sample_yaml()
    for key in setting_fields():
        name = key.partition(".")[2]
        assert f"| `{name}` |" in page
        assert re.search(rf"^  (# )?{name}: ", sample, re.MULTILINE), key


def test_the_words_that_a_setting_may_be_are_named_with_it() -> None:
    page, sample = docs.settings_page(), " ".join(sample_yaml().replace("#", "").split())
    for choices in ("`open` or `on_demand`", "`off`, `on` or `by_matter`", "`reference`, `memo` or `matter`"):
        assert f"It is {choices}." in page
        assert f"It is {choices}." in sample


def test_the_sample_is_a_configuration_whose_secrets_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "firm-bridge.yaml"
    file.write_text(sample_yaml(), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    assert {problem.key for problem in caught.value.problems} == set(SECRETS)


def test_the_sample_with_every_comment_taken_away_is_a_configuration(tmp_path: Path) -> None:
    text = configuration_yaml({key: f"{number}" * 40 for number, key in enumerate(SECRETS)})
    file = tmp_path / "firm-bridge.yaml"
    file.write_text(re.sub(r"^  # (\w+: )", r"  \1", text, flags=re.MULTILINE), encoding="utf-8")
    plain = tmp_path / "plain.yaml"
    plain.write_text(text, encoding="utf-8")
    assert load_settings(file) == load_settings(plain)


def test_every_command_is_on_its_page() -> None:
    page = docs.commands_page(COMMANDS)
    for command in COMMANDS:
        assert f"### `{command.usage}`" in page


def test_every_command_is_in_a_table_of_who_may_do_what() -> None:
    page = docs.permissions_page()
    for command in COMMANDS:
        assert f"\n| `!{command.name}` | " in page


@pytest.mark.parametrize("guide", ["staff-guide.md", "admin-guide.md", "clients.md", "directory.md"])
def test_every_command_that_a_guide_names_is_one(guide: str) -> None:
    named = re.findall(r"`!(\w[^`]*)`", (docs.ROOT / "docs" / guide).read_text(encoding="utf-8"))
    assert len(named) > 4
    for text in named:
        assert find_commands(text, lambda: COMMANDS)[0], text


def test_every_metric_that_a_page_names_is_one() -> None:
    metrics = set(re.findall(r"^\| `(\w+)`", docs.metrics_page(), re.MULTILINE))
    for page in (docs.ROOT / "docs").rglob("*.md"):
        named = set(re.findall(r"(?<!_)firm_bridge_\w+", page.read_text(encoding="utf-8")))
        assert named <= metrics, page


def test_every_module_that_a_page_of_the_architecture_names_is_there() -> None:
    tops = [docs.ROOT / top for top in ("bridge", "tests", "benchmarks")]
    modules = [f"/{path.relative_to(docs.ROOT)}" for top in tops for path in top.rglob("*.py")]
    pages = [docs.ROOT / "docs" / "architecture.md", *(docs.ROOT / "docs" / "architecture").glob("*.md")]
    named = {name for page in pages for name in re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))}
    assert len(named) > 80
    assert {name for name in named if not any(path.endswith(f"/{name}") for path in modules)} == set()


def test_every_metric_is_on_its_page_with_its_meaning() -> None:
    rows = [line for line in docs.metrics_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 5
    assert all(row.endswith(". |") for row in rows)


@pytest.mark.parametrize("setting", HOMESERVER_SETTINGS, ids=lambda setting: setting.name)
def test_the_homeservers_file_has_each_setting_that_check_asks_for(setting: object) -> None:
    name, lines = getattr(setting, "name", ""), getattr(setting, "yaml", "")
    wanted = yaml.safe_load(lines) or {}
    wanted.pop("public_baseurl", None)  # belongs to one installation, and stands in its instance.yaml
    if name in {"listeners", "room_list_publication_rules"} or getattr(setting, "gives_way", False):
        return
    assert {key: HOMESERVER_YAML[key] for key in wanted} == wanted
