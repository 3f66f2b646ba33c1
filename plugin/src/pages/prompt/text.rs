//! The text of a prompt's version, and the difference of two.

use maud::{Markup, html};
use mlforge_ui::number;
use mlforge_ui::words::fill;

use super::diff::{Line, lines};
use super::{is_chat, prompt_text};
use crate::domain::name::cut;
use crate::domain::version::FullVersion;
use crate::pages::parts;
use crate::request::call::Call;

/// Number of equal lines that are shown around those that differ.
const AROUND: usize = 3;
/// Number of lines of a difference that are shown.
const LINES_MAX: usize = 2_000;
/// Number of bytes in HTML of a text or a difference, and of a line of a difference. The rest is left out.
const BYTES_MAX: usize = 64_000;
const LINE_BYTES_MAX: usize = 30_000;
/// Number of characters of an author's message.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The text of a version, with the message of its author.
pub(super) fn text_of(call: &Call<'_>, full: &FullVersion) -> Markup {
    let words = call.site.words();
    let title = fill(words.prompts.text, &[&full.version.number.to_string()]);
    let message = full
        .version
        .description
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    html! {
        section aria-labelledby="text" {
            div.bar {
                h2 #text { (title) }
                @if is_chat(full) { span.tag { (words.prompts.chat) } }
            }
            @match prompt_text(full) {
                Some(text) => {
                    @let shown = parts::clipped(text, BYTES_MAX);
                    pre.code tabindex="0" { code.copy { bdi { (shown) @if shown.len() < text.len() { "…" } } } }
                },
                None => p.mut { (words.prompts.no_text) },
            }
            @if let Some(message) = message {
                p { span.mut { (words.prompts.message) ": " } bdi { (cut(message.to_owned(), MESSAGE_CHARS_MAX)) } }
            }
        }
    }
}

/// The lines of a difference that are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drawn<'a> {
    Line(Line<'a>),
    /// A number of equal lines in a row that are left out.
    Gap(usize),
}

/// Leaves out equal lines that are far from those that differ.
fn folded<'a>(lines: &[Line<'a>]) -> Vec<Drawn<'a>> {
    let mut is_near = vec![false; lines.len()];
    for (index, line) in lines.iter().enumerate() {
        if !matches!(line, Line::Same(_)) {
            let end = (index + AROUND + 1).min(lines.len());
            is_near
                .iter_mut()
                .take(end)
                .skip(index.saturating_sub(AROUND))
                .for_each(|near| *near = true);
        }
    }
    let mut drawn: Vec<Drawn<'a>> = Vec::new();
    for (line, is_near) in lines.iter().zip(is_near) {
        match drawn.last_mut() {
            _ if is_near => drawn.push(Drawn::Line(*line)),
            Some(Drawn::Gap(count)) => *count += 1,
            _ => drawn.push(Drawn::Gap(1)),
        }
    }
    drawn
}

fn drawn_line(line: &str) -> Markup {
    let shown = parts::clipped(line, LINE_BYTES_MAX);
    html! { bdi { (shown) @if shown.len() < line.len() { "…" } } }
}

/// The difference of two versions, line by line.
pub(super) fn difference(call: &Call<'_>, versions: &[FullVersion; 2]) -> Markup {
    let words = &call.site.words().prompts;
    let [from, to] = versions;
    let [old, new] = [from, to].map(|full| prompt_text(full).unwrap_or_default());
    let (lines, is_matched) = lines(old, new);
    let drawn = folded(&lines);
    let shown = parts::fitting(drawn.iter().take(LINES_MAX), BYTES_MAX, |part| match part {
        Drawn::Line(Line::Same(line) | Line::Old(line) | Line::New(line)) => {
            40 + parts::html_bytes(line).min(LINE_BYTES_MAX)
        }
        Drawn::Gap(_) => 60,
    });
    let rest = drawn.len() - shown;
    let count = |count: usize| number::count(u64::try_from(count).unwrap_or(u64::MAX));
    let numbers = [from, to].map(|full| full.version.number.to_string());
    html! {
        section aria-labelledby="difference" {
            div.bar { h2 #difference { (fill(words.differences, &[&numbers[0], &numbers[1]])) } }
            @if old == new {
                p.mut { (words.same) }
            } @else {
                @if !is_matched { p.mut { (words.too_long) } }
                pre.code tabindex="0" {
                    @for part in drawn.iter().take(shown) {
                        @match part {
                            Drawn::Line(Line::Same(line)) => { "  " (drawn_line(line)) },
                            Drawn::Line(Line::Old(line)) => span.fail { "− " (drawn_line(line)) },
                            Drawn::Line(Line::New(line)) => span.fin { "+ " (drawn_line(line)) },
                            Drawn::Gap(lines) => i { "⋯ " (fill(words.lines_cut, &[&count(*lines)])) },
                        }
                        "\n"
                    }
                }
                @if rest > 0 { p.mut { (fill(words.rest_cut, &[&count(rest)])) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_far_from_a_change_are_left_out() {
        let same = Line::Same("s");
        let mut lines = vec![same; 10];
        lines.insert(5, Line::New("n"));
        let drawn = folded(&lines);
        assert_eq!(
            (drawn.first(), drawn.last()),
            (Some(&Drawn::Gap(2)), Some(&Drawn::Gap(2)))
        );
        assert_eq!(drawn.len(), 2 + 2 * AROUND + 1);
        assert_eq!(folded(&[same; 4]), [Drawn::Gap(4)]);
    }
}
