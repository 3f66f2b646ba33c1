//! Cards and notes in Markdown. They are written by users and shown to others, so they are hostile.
//!
//! Raw HTML is shown as text. Links lead to the web only, or into the page; images are links to them, since a foreign image
//! would tell its server who reads the page. Headings begin below those of the page.

use maud::{Markup, Render, html};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

use crate::link::web_link;

/// About the largest number of bytes of HTML that a text becomes. The rest is left out.
const CARD_BYTES_MAX: usize = 60_000;
/// Number of bytes of an element or a sign without its text.
const ELEMENT_BYTES: usize = 24;
/// Largest depth of lists, quotes and the like. What is deeper is shown without them.
const DEPTH_MAX: usize = 32;

/// Renders a text, inside the frame that shows that a user wrote it. The end of a very long one is an ellipsis.
pub fn card(text: &str) -> Markup {
    card_within(text, CARD_BYTES_MAX)
}

/// Renders a text as `card` does, with about this many bytes of HTML at most: for a page that shows much else.
pub fn card_within(text: &str, bytes_max: usize) -> Markup {
    let end = text.floor_char_boundary(bytes_max);
    let (text, rest) = text.split_at(end);
    let (mut bytes, mut is_cut) = (0, !rest.is_empty());
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut open = vec![Open::new(Wrap::Card)];
    for event in Parser::new_ext(text, options) {
        bytes += bytes_of(&event);
        if bytes > bytes_max {
            is_cut = true;
            break;
        }
        step(&mut open, event);
    }
    while open.len() > 1 {
        close(&mut open);
    }
    if is_cut {
        push(&mut open, html! { p { "…" } });
    }
    open.pop().map_or_else(|| html! {}, Open::finish)
}

/// About the number of bytes of HTML that a part of a text becomes. The least is that of a part without text.
fn bytes_of(event: &Event<'_>) -> usize {
    let of_text = |text: &str| {
        let escaped = text
            .bytes()
            .filter(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"'))
            .count();
        text.len() + 5 * escaped
    };
    let text = match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => 40 + of_text(dest_url),
        Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) | Event::Code(text) => of_text(text),
        _ => 0,
    };
    let element = match event {
        Event::Text(_) | Event::Html(_) | Event::InlineHtml(_) | Event::SoftBreak | Event::End(_) => 0,
        _ => ELEMENT_BYTES,
    };
    element + text
}

/// An element that is not closed yet.
struct Open {
    wrap: Wrap,
    children: Vec<Markup>,
}

/// The element around its children.
enum Wrap {
    Card,
    Paragraph,
    Heading(HeadingLevel),
    Quote,
    Code,
    List,
    Numbered(u64),
    Item,
    Table,
    Head,
    Row,
    Cell,
    HeadCell,
    Emphasis,
    Strong,
    Strike,
    Link(String),
    /// Only its children are shown.
    Nothing,
}

impl Open {
    fn new(wrap: Wrap) -> Self {
        Open {
            wrap,
            children: Vec::new(),
        }
    }

    fn finish(self) -> Markup {
        let inner = html! { @for child in &self.children { (child) } };
        match self.wrap {
            Wrap::Card => html! { div.card { (inner) } },
            Wrap::Paragraph => html! { p { (inner) } },
            Wrap::Heading(HeadingLevel::H1 | HeadingLevel::H2) => html! { h3 { (inner) } },
            Wrap::Heading(HeadingLevel::H3) => html! { h4 { (inner) } },
            Wrap::Heading(_) => html! { h5 { (inner) } },
            Wrap::Quote => html! { blockquote { (inner) } },
            Wrap::Code => html! { pre.code tabindex="0" { (inner) } },
            Wrap::List => html! { ul { (inner) } },
            Wrap::Numbered(start) => html! { ol start=(start) { (inner) } },
            Wrap::Item => html! { li { (inner) } },
            Wrap::Table => html! { div.scroll tabindex="0" { table { (inner) } } },
            Wrap::Head => html! { thead { tr { (inner) } } },
            Wrap::Row => html! { tr { (inner) } },
            Wrap::Cell => html! { td { (inner) } },
            Wrap::HeadCell => html! { th scope="col" { (inner) } },
            Wrap::Emphasis => html! { em { (inner) } },
            Wrap::Strong => html! { strong { (inner) } },
            Wrap::Strike => html! { del { (inner) } },
            Wrap::Link(address) => html! { a href=(address) rel="nofollow noopener noreferrer" { (inner) } },
            Wrap::Nothing => inner,
        }
    }
}

fn step(open: &mut Vec<Open>, event: Event<'_>) {
    match event {
        Event::Start(tag) => {
            let is_in_head = open.iter().any(|open| matches!(open.wrap, Wrap::Head));
            let wrap = if open.len() < DEPTH_MAX {
                wrap(tag, is_in_head)
            } else {
                Wrap::Nothing
            };
            open.push(Open::new(wrap));
        }
        Event::End(_) => close(open),
        Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => push(open, html! { (*text) }),
        Event::Code(text) => push(open, html! { code { (*text) } }),
        Event::SoftBreak => push(open, html! { "\n" }),
        Event::HardBreak => push(open, html! { br; }),
        Event::Rule => push(open, html! { hr; }),
        Event::TaskListMarker(is_done) => push(open, html! { @if is_done { "☑ " } @else { "☐ " } }),
        Event::FootnoteReference(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
            push(open, html! { (*text) });
        }
    }
}

fn wrap(tag: Tag<'_>, is_in_head: bool) -> Wrap {
    match tag {
        Tag::Paragraph => Wrap::Paragraph,
        Tag::Heading { level, .. } => Wrap::Heading(level),
        Tag::BlockQuote(_) => Wrap::Quote,
        Tag::CodeBlock(_) => Wrap::Code,
        Tag::List(None) => Wrap::List,
        Tag::List(Some(start)) => Wrap::Numbered(start),
        Tag::Item => Wrap::Item,
        Tag::Table(_) => Wrap::Table,
        Tag::TableHead => Wrap::Head,
        Tag::TableRow => Wrap::Row,
        Tag::TableCell if is_in_head => Wrap::HeadCell,
        Tag::TableCell => Wrap::Cell,
        Tag::Emphasis => Wrap::Emphasis,
        Tag::Strong => Wrap::Strong,
        Tag::Strikethrough => Wrap::Strike,
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => match safe(&dest_url) {
            Some(address) => Wrap::Link(address.to_owned()),
            None => Wrap::Nothing,
        },
        _ => Wrap::Nothing,
    }
}

/// An address that a user's link may have: one of the web, or a place in the page.
fn safe(address: &str) -> Option<&str> {
    let is_place = address.starts_with('#');
    web_link(address).or_else(|| is_place.then_some(address))
}

fn close(open: &mut Vec<Open>) {
    if open.len() > 1
        && let Some(last) = open.pop()
    {
        push(open, last.finish());
    }
}

fn push(open: &mut [Open], child: impl Render) {
    if let Some(last) = open.last_mut() {
        last.children.push(child.render());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        card(text).into_string()
    }

    #[test]
    fn markdown_becomes_elements_below_the_headings_of_the_page() {
        let text = "# A\n\nb *c* **d** `e`\n\n- f\n- [x] g\n\n| h | i |\n|---|--:|\n| 1 | 2 |\n\n> j\n\n```py\nk\n```";
        let shown = shown(text);
        for part in [
            "<h3>A</h3>",
            "<em>c</em>",
            "<strong>d</strong>",
            "<code>e</code>",
            "<li>f</li>",
            "☑ g",
            "<th scope=\"col\">h</th>",
            "<td>2</td>",
            "<blockquote>",
            "<pre class=\"code\" tabindex=\"0\">k\n</pre>",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "![x](data:text/html,<script>)",
            "[x](  JAVASCRIPT:alert(1))",
            "<a href='javascript:x'>y</a>",
            "[x](vbscript:x)",
            "[a](//evil.test)",
        ] {
            let shown = shown(text);
            assert!(
                !shown.contains("<script") && !shown.contains("<img") && !shown.contains("<a "),
                "{shown}"
            );
        }
        assert!(shown("![x](https://a.test/y.png)").contains("<a href=\"https://a.test/y.png\""));
    }

    #[test]
    fn a_card_stays_small_whatever_it_holds() {
        for part in [
            "word ",
            "가나다 ",
            "<",
            "\"&",
            "* a\n",
            "|a",
            "[a](b) ",
            "*a* ",
            "> a\n\n",
            "# a\n\n",
            "`a` ",
            "a\n",
        ] {
            let text = part.repeat(100_000 / part.len());
            let shown = shown(&text);
            assert!(shown.len() < CARD_BYTES_MAX + 20_000, "{part}: {}", shown.len());
            assert!(shown.contains('…'), "{part}");
        }
        assert!(!shown("short").contains('…'));
    }

    #[test]
    fn depth_is_bounded() {
        let deep = ">".repeat(5_000) + " x";
        assert!(shown(&deep).matches("<blockquote>").count() < DEPTH_MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_well_nested(text in "[ -~\n]{0,200}") {
            let shown = shown(&text);
            for name in ["div", "p", "ul", "li", "blockquote", "em", "strong", "table", "a"] {
                let opened = shown.matches(&format!("<{name}>")).count() + shown.matches(&format!("<{name} ")).count();
                prop_assert_eq!(opened, shown.matches(&format!("</{name}>")).count(), "{} in {}", name, shown);
            }
        }
    }
}
