"""What mkdocs asks while it makes the site (mkdocs.yml): what pages link to outside of docs/ comes along.

So the pages have one form of link, which is right in the repository and in the site.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")
_ELSEWHERE = "repository"
"""Where in the site files of the repository are that are not in docs/."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every file outside of docs/ that a page links to, and what that links to."""
    waiting = [PurePosixPath("docs", file.src_uri) for file in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        for name in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
            target = _resolved(page, name)
            uri = _in_site(target)
            if target.parts[0] == "docs" or files.get_file_from_path(uri) or not (ROOT / target).is_file():
                continue
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / target)))
            if target.suffix == ".md":
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between docs/ and the rest of the repository into links within the site."""
    uri = PurePosixPath(page.file.src_uri)
    inside = uri.parts[0] == _ELSEWHERE
    source = PurePosixPath(*uri.parts[1:]) if inside else PurePosixPath("docs", uri)

    def rewritten(match: re.Match[str]) -> str:
        return os.path.relpath(_in_site(_resolved(source, match[1])), uri.parent)

    return _LINK.sub(rewritten, markdown)


def _resolved(page: PurePosixPath, link: str) -> PurePosixPath:
    """The file of the repository that a link in one of its pages names."""
    return PurePosixPath(os.path.normpath(page.parent / link))


def _in_site(file: PurePosixPath) -> str:
    return str(file.relative_to("docs") if file.parts[0] == "docs" else PurePosixPath(_ELSEWHERE, file))
