//! The way in which charts are drawn. It stands in the address: `axis=time`, `scale=log`, `smooth=0.9`.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::chart::{Axis, LineChart, Series};
use mlforge_ui::link::Address;

use crate::error::Result;
use crate::request::params::Params;

/// The names of the parameters of an address.
pub const FIELDS: [&str; 3] = ["axis", "scale", "smooth"];

const AXES: [(Axis, &str); 3] = [(Axis::Step, "step"), (Axis::Time, "time"), (Axis::Relative, "relative")];
/// The weights of the past that may be chosen.
const WEIGHTS: [(&str, f64); 3] = [("0.9", 0.9), ("0.95", 0.95), ("0.99", 0.99)];

/// The way in which charts are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The horizontal axis.
    pub axis: Axis,
    is_log: bool,
    smoothing: Option<(&'static str, f64)>,
}

impl Look {
    /// Reads the way from an address. An unknown word counts as the default.
    pub fn of(params: &Params<'_>) -> Result<Self> {
        let [axis, scale, smooth] = FIELDS.map(|name| params.text(name));
        let (axis, scale, smooth) = (axis?, scale?, smooth?);
        let known = AXES.into_iter().find(|(_, word)| Some(*word) == axis);
        Ok(Look {
            axis: known.map_or(Axis::Step, |(axis, _)| axis),
            is_log: scale == Some("log"),
            smoothing: WEIGHTS.into_iter().find(|(word, _)| Some(*word) == smooth),
        })
    }

    /// This way on another axis.
    pub fn along(self, axis: Axis) -> Self {
        Look { axis, ..self }
    }

    /// The parameters that say this way. What is the default is left out.
    pub fn fields(self) -> Vec<(&'static str, &'static str)> {
        let axis = AXES
            .into_iter()
            .find(|(axis, _)| *axis == self.axis && *axis != Axis::Step);
        let axis = axis.map(|(_, word)| ("axis", word));
        let scale = self.is_log.then_some(("scale", "log"));
        let smooth = self.smoothing.map(|(word, _)| ("smooth", word));
        [axis, scale, smooth].into_iter().flatten().collect()
    }

    /// Adds this way to an address.
    pub fn onto(self, address: &Address) -> Address {
        let bare = FIELDS.into_iter().fold(address.clone(), Address::without);
        let fields = self.fields().into_iter();
        fields.fold(bare, |address, (name, value)| address.with(name, value))
    }

    /// The links that choose another way. `address` is that of the page.
    pub fn bar(self, words: &Words, address: &Address) -> Markup {
        let texts = &words.compare;
        let axes = AXES.map(|(axis, word)| {
            let text = match word {
                "time" => texts.time,
                "relative" => texts.relative,
                _ => texts.step,
            };
            (text, Look { axis, ..self })
        });
        let scales = [(texts.linear, false), (texts.log, true)].map(|(text, is_log)| (text, Look { is_log, ..self }));
        let raw = Look {
            smoothing: None,
            ..self
        };
        let smoothed = WEIGHTS.map(|weight| {
            let smoothing = Some(weight);
            (weight.0, Look { smoothing, ..self })
        });
        let smoothings: Vec<_> = std::iter::once((texts.raw, raw)).chain(smoothed).collect();
        html! {
            (self.choices(texts.horizontal, &axes, address))
            (self.choices(texts.vertical, &scales, address))
            (self.choices(texts.smoothing, &smoothings, address))
        }
    }

    fn choices(self, label: &str, choices: &[(&str, Look)], address: &Address) -> Markup {
        html! {
            nav.seg aria-label=(label) {
                @for (text, look) in choices {
                    a href=(look.onto(address)) aria-current=[(*look == self).then_some("true")] { (text) }
                }
            }
        }
    }

    /// A chart that is drawn in this way.
    pub fn chart<'a>(self, id: &'a str, title: &'a str, height: u32, series: Vec<Series<'a>>) -> LineChart<'a> {
        LineChart {
            id,
            title,
            axis: self.axis,
            is_log: self.is_log,
            smoothing: self.smoothing.map(|(_, weight)| weight),
            height,
            series,
        }
    }
}
