"""Transcripts keep apart and mark what formatted messages keep apart and mark, in the page and in the PDF."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcript.cleaning import MATRIX_TAGS, page_html
from bridge.transcript.rich import TextRun, plain_text, runs_of
from tests.unit.files.test_transcript import RUTH, Json, made, page, pdf, said_in, text

BLOCKS = "h1 h2 h3 h4 h5 h6 blockquote p ul ol li hr br div table thead tbody tr th td caption pre details summary"
INLINE = "del a sup sub b i u strong em s code span img"
EMPTY = {"hr", "br", "img"}
DEEP = 3000


def formatted(said: str, body: str = "plain") -> Json:
    return text(RUTH, body, format="org.matrix.custom.html", formatted_body=said)


def shown(said: str) -> tuple[str, str]:
    """What a reader of the page and of the PDF sees of a message, as words with single blanks between them."""
    transcript = made(formatted(said))
    (message,) = re.findall(r'(?s)<div class="said formatted"[^>]*>(.*?)</div>\n</article>', page(transcript))
    lines = re.sub(r"<(?:/?(?:b|i|u|strong|em|s|code|span|a|sup|sub|del|bdi|ins)\b)[^>]*>", "", message)
    return (
        " ".join(html.unescape(re.sub(r"<[^>]+>", " ", lines)).split()),
        said_in(pdf(transcript)).partition("01:00:00 ")[2].rpartition(" 2026-0042 ")[0].partition("01:00:00 ")[2],
    )


def test_every_tag_of_the_specification_is_known() -> None:
    assert set(f"{BLOCKS} {INLINE}".split()) == MATRIX_TAGS


@pytest.mark.parametrize("tag", BLOCKS.split())
def test_blocks_are_kept_apart(tag: str) -> None:
    said = f"before<{tag}>" if tag in EMPTY else f"before<{tag}>within</{tag}>after"
    wanted = "before" if tag in EMPTY else "before within after"
    for seen in shown(f"{said}<{tag}>more"):
        assert re.sub(r"——— ?|- |\d\. |> ", "", seen) == f"{wanted} more"


@pytest.mark.parametrize("tag", sorted(set(INLINE.split()) - EMPTY))
def test_what_stands_within_a_line_stays_in_it(tag: str) -> None:
    on_page, in_pdf = shown(f"x<{tag}>yz</{tag}>w")
    assert on_page == "xyzw"
    assert in_pdf == {"del": "x~~yz~~w", "s": "x~~yz~~w", "sup": "x^(yz)w", "sub": "x_(yz)w"}.get(tag, "xyzw")


@pytest.mark.parametrize(
    "said",
    [
        "<td>Deposit</td><td>1,000</td><td>2,000</td>",
        "<tr><td>Deposit</td></tr><tr><th>1,000</th></tr>2,000",
        "<table><tr><td>Deposit<td>1,000<td>2,000</table>",
        "<table><tr><td><p>Deposit</p></td><td><ul><li>1,000</li></ul></td></tr><tr><td>2,000</td></tr></table>",
        "<TABLE><CAPTION>Deposit</CAPTION><TR><TD>1,000</TD></TR></TABLE>2,000",
        "<caption>Deposit</caption>1,000<caption>2,000</caption>",
        "<dl><dt>Deposit</dt><dd>1,000</dd></dl><section>2,000</section>",
        "<article>Deposit</article><x-own>1,000</x-own><center>2,000</center>",
    ],
)
def test_amounts_never_run_together(said: str) -> None:
    for seen in shown(said):
        assert [word.strip("-") for word in seen.replace("|", " ").replace("- ", "").split()] == [
            "Deposit",
            "1,000",
            "2,000",
        ]


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ("10<sup>2</sup> m", "10^2 m"),
        ("The client is <del>not</del> liable", "The client is ~~not~~ liable"),
        ("<s>a</s> <strike>b</strike>", "~~a~~ ~~b~~"),
        ("<pre><code>if x:\n    y = 1\n\n\tz\n</code></pre>then", "if x:\n    y = 1\n\n\tz\nthen"),
        ("<h2>Terms</h2>Of sale", "Terms\nOf sale"),
        (
            "<ul><li><p>one</p></li><li>two<ol start=3><li>a</li><li>b</li></ol></li></ul>",
            "- one\n- two\n  3. a\n  4. b",
        ),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n> > b\nc"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td></td></tr></table>", "A | B\n1 |"),
        ('<span data-mx-spoiler="who">Ann</span> <span data-mx-spoiler>did</span>', "[spoiler: who] Ann [spoiler] did"),
        ('<img src="mxc://x/y" alt=":gavel:"> <img title="t"> <img>', ":gavel: t [picture]"),
        ("<details><summary>More</summary>hidden</details>", "More\nhidden"),
        ("a<br>b<br><br><br><br>c<hr>d", "a\nb\n\nc\n———\nd"),
        ("a&nbsp;b &lt;b&gt; &amp;lt;", "a\xa0b <b> &lt;"),
        ("<ol start=20261130><li>Hearing</li></ol>", "20261130. Hearing"),
        ("<ol start=-1><li>a</li><li>b</li></ol>", "-1. a\n0. b"),
        ("<ol><li><ol start=2024><li>x</li></ol></li></ol>", "1. 2024. x"),
        ("<ol start=5><li></li><li>six</li></ol>", "5. \n6. six"),
        ("<ul><li><p>a</p><p>b</p></li></ul>c", "- a\n  b\nc"),
        ("<ol><li>a<blockquote>b<br>c</blockquote>d</li></ol>", "1. a\n  > b\n  > c\n  d"),
        ("<li><p>a</p></li><li>b</li>", "- a\n- b"),
        ("<del>a <s>b</s> c</del> d", "~~a b c~~ d"),
    ],
)
def test_the_form_that_changes_a_meaning_has_a_sign(said: str, plain: str) -> None:
    assert plain_text(said) == plain


@pytest.mark.parametrize(
    "said",
    [
        "The sum is <math><mi>x</mi></math>.",
        "<svg><text>x</text></svg>",
        "<template>x</template>",
        "<annotation>x</annotation>",
        "<desc>x",
        "<math><p>x</p></math>",
        "<iframe>x</iframe>",
        "<y-z>x</y-z>",
        "<math><annotation-xml/>x",
    ],
)
def test_a_tag_that_messages_should_not_have_takes_no_words_away(said: str) -> None:
    assert "x" in plain_text(said)
    assert "x" in re.sub("<[^>]*>", "", page_html(said))


def test_the_looks_of_words_are_kept_for_the_pdf() -> None:
    assert runs_of("<b>a <i>b</i></b><u>c</u><a href='https://x.example'>https://x.example</a>") == (
        TextRun("a", bold=True),
        TextRun(" ", bold=True, italic=True),
        TextRun("b", bold=True, italic=True),
        TextRun("c", underlined=True),
        TextRun("https://x.example", link="https://x.example"),
    )


def test_code_in_the_pdf_keeps_its_indentation() -> None:
    for said in (formatted("<pre>if x:\n    y</pre>"), text(RUTH, "if x:\n    y"), text(RUTH, "if x:\n\ty")):
        (line,) = [line for line in pdf(made(said)).pages[0].extract_text().splitlines() if line.endswith("y")]
        assert line.replace("\xa0", " ") == "    y"


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ('<span data-mx-maths="a&lt;b"></span>', "[formula: a<b]"),
        ('<div data-mx-maths="x^2">x²</div>', "[formula: x^2] x²"),
        (r'<span data-mx-maths="\frac a b"><code>\frac a b</code></span>', r"\frac a b"),
        ('<span data-mx-maths="x">x</span>', "x"),
    ],
)
def test_a_formula_is_shown_where_the_text_in_its_place_is_another(said: str, plain: str) -> None:
    assert plain_text(said) == plain
    assert html.unescape(re.sub("<[^>]*>", "", page_html(said))).strip() == plain


@pytest.mark.parametrize("address", ["ftp://x.example/order", "magnet:?xt=urn:btih:1"])
def test_every_kind_of_link_of_the_specification_says_where_it_leads(address: str) -> None:
    said = f'<a href="{address}">the order</a>'
    assert plain_text(said) == f"the order ({address})"
    assert f'href="{address}"' in page_html(said)


@pytest.mark.parametrize(
    "nothing",
    ["<p></p>", "<script>x</script>", "<mx-reply>old</mx-reply>", "<!-- x -->", "<b> </b>", "&nbsp;", "<p>&#8203;</p>"],
)
def test_formatting_that_says_nothing_hides_no_text(nothing: str) -> None:
    transcript = made(formatted(nothing, "The words"))
    assert "The words" in page(transcript)
    assert "The words" in said_in(pdf(transcript))


def test_a_page_folds_nothing_away_and_loads_nothing() -> None:
    said = page_html('<details><summary>More</summary>x</details><img src="https://x.example/a.png" alt="&lt;b&gt;">')
    assert said == "<div><p><b>More</b></p>x</div>&lt;b&gt;"


@pytest.mark.parametrize(
    "tag", ["b", "sup", "del", "blockquote", "ul><li", "table><tr><td", "details", "div", "span data-mx-spoiler"]
)
def test_formatting_within_itself_without_end_stays_small(tag: str) -> None:
    said = f"<{tag}>x" * (DEEP // len(tag))
    assert len(plain_text(said)) < 60 * len(said)


TAGS = [f"<{end}{tag}>" for tag in sorted(MATRIX_TAGS) for end in ("", "/")]
pieces = st.sampled_from([*TAGS, "X", " ", "\n", "&lt;"])


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=30).map("".join))
def test_tags_in_any_order_lose_nothing(said: str) -> None:
    assert [plain_text(said).count(sign) for sign in "X<"] == [said.count("X"), said.count("&lt;")]
