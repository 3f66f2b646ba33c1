//! Charts and badges as files of their own, for a README. Their colours are in them, for light and dark.

use maud::{Markup, html};

use super::label::clean;
use super::line::LineChart;
use super::line::POINTS_MAX;
use super::line_plot::LinePlot;
use super::{float, label};
use crate::words::Words;

/// The style of a chart, with the colours of the style sheet.
const STYLE: &str = "\
svg{--bg:#fff;--line:#e1e4e9;--fg:#1a1e26;--mut:#565e6b;--s1:#3451b2;--s2:#b0480a;--s3:#0b7068;--s4:#a3267f;--s5:#66600a;\
--s6:#c0282d;--ctx:#c5cad3}\
@media (prefers-color-scheme:dark){svg{--bg:#111419;--line:#2a303a;--fg:#e3e6eb;--mut:#9ba4b2;--s1:#9db1ff;--s2:#f0a061;\
--s3:#55c8bb;--s4:#ee8fd0;--s5:#c9c25e;--s6:#ff8a86;--ctx:#454d5a}}\
.bg{fill:var(--bg)}text{font:11px system-ui,sans-serif;fill:var(--mut)}\
.h{font-size:13px;font-weight:600;fill:var(--fg)}.grid{stroke:var(--line)}\
.l{fill:none;stroke:var(--ctx);vector-effect:non-scaling-stroke;stroke-linejoin:round}\
.s1,.s2,.s3,.s4,.s5,.s6{stroke-width:1.75}.raw{opacity:.3;stroke-width:1}\
.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}.s4{stroke:var(--s4)}.s5{stroke:var(--s5)}.s6{stroke:var(--s6)}\
.t1{fill:var(--s1)}.t2{fill:var(--s2)}.t3{fill:var(--s3)}.t4{fill:var(--s4)}.t5{fill:var(--s5)}.t6{fill:var(--s6)}\
.dot{fill:var(--ctx)}";

/// Width of a chart, and the space around its plot area, in pixels.
const WIDTH: u32 = 640;
const LEFT: u32 = 52;
const TOP: u32 = 40;
const BOTTOM: u32 = 30;
/// Space on the right of a single line, and of lines with names.
const RIGHT: u32 = 16;
const RIGHT_WITH_NAMES: u32 = 124;

/// Longest title of a file, in characters.
const TITLE_CHARS_MAX: usize = 80;

const XMLNS: &str = "http://www.w3.org/2000/svg";

/// The chart as an SVG file. Nothing in it is loaded from elsewhere or runs.
pub fn file(words: &Words, chart: &LineChart<'_>) -> String {
    let drawn = chart.drawn();
    let plot = LinePlot::of(chart, &drawn, POINTS_MAX);
    let right = if chart.series.len() == 1 {
        RIGHT
    } else {
        RIGHT_WITH_NAMES
    };
    let height = chart.height.saturating_add(TOP + BOTTOM);
    let title: String = clean(chart.title).chars().take(TITLE_CHARS_MAX).collect();
    let markup = html! {
        svg xmlns=(XMLNS) viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="img"
            aria-label=(clean(&chart.label(words))) {
            style { (STYLE) }
            rect.bg width="100%" height="100%" rx="6" {}
            text.h x="12" y="20" { (title) }
            @match plot {
                Some(plot) => {
                    svg x=(LEFT) y=(TOP) width=(WIDTH - LEFT - right) height=(chart.height) overflow="visible" {
                        (plot.contents(words))
                    }
                },
                None => text x="12" y="44" { (words.charts.no_number) },
            }
        }
    };
    markup.into_string()
}

/// Height of a badge, and the space at each side of its texts, in pixels.
const BADGE_PX: f64 = 20.0;
const PAD: f64 = 6.0;
/// Longest text of a badge, in characters.
const BADGE_CHARS_MAX: usize = 60;

/// A badge as an SVG file: a label, and a value on a coloured ground.
pub fn badge(label: &str, value: &str) -> String {
    let (label, value) = (badge_text(label), badge_text(value));
    let left = width(&label);
    let whole = left + width(&value);
    let text = |text: &str, middle: f64| -> Markup {
        html! { text x=(pixels(middle)) y="14" text-anchor="middle" { (text) } }
    };
    let markup = html! {
        svg xmlns=(XMLNS) width=(pixels(whole)) height=(pixels(BADGE_PX)) role="img" aria-label={ (label) ": " (value) } {
            title { (label) ": " (value) }
            clipPath id="r" { rect width=(pixels(whole)) height=(pixels(BADGE_PX)) rx="3" {} }
            g clip-path="url(#r)" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" {
                rect width=(pixels(left)) height=(pixels(BADGE_PX)) fill="#4a505c" {}
                rect x=(pixels(left)) width=(pixels(whole - left)) height=(pixels(BADGE_PX)) fill="#3451b2" {}
                (text(&label, left / 2.0))
                (text(&value, (left + whole) / 2.0))
            }
        }
    };
    markup.into_string()
}

fn badge_text(text: &str) -> String {
    let clean = label::clean(text);
    if clean.chars().count() <= BADGE_CHARS_MAX {
        return clean;
    }
    clean.chars().take(BADGE_CHARS_MAX - 1).chain(['…']).collect()
}

/// The width of a text with its sides. Letters of Verdana have about 7 pixels, those of East Asia 11.
fn width(text: &str) -> f64 {
    let wide = text.chars().filter(|char| !char.is_ascii()).count();
    let narrow = text.chars().count() - wide;
    2.0 * PAD + 7.0 * float(narrow) + 11.0 * float(wide)
}

fn pixels(value: f64) -> String {
    format!("{value:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_shows_a_label_and_a_value() {
        let badge = badge("val_acc", "0.9312");
        assert!(badge.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"115\" height=\"20\""));
        assert!(badge.contains(">val_acc</text>") && badge.contains(">0.9312</text>"));
    }

    #[test]
    fn a_badge_escapes_what_users_wrote_and_has_no_sign_that_xml_forbids() {
        let badge = badge("<script>\u{1}\u{202e}", &"x".repeat(10_000));
        assert!(!badge.contains("<script>") && !badge.contains('\u{1}') && !badge.contains('\u{202e}'));
        assert!(badge.len() < 2_000);
    }

    #[test]
    fn the_style_needs_no_escape() {
        assert_eq!(html! { (STYLE) }.into_string(), STYLE);
    }
}
