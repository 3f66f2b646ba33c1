//! The pages about many traces of an experiment: their table, their sessions, their charts, and two beside each other.
//!
//! The address has the whole state, as on the page of runs. `asked` reads it, `list` shows the table, and `bulk` deletes
//! chosen traces. `facts` has what several pages say of a trace.

mod asked;
mod bar;
pub mod bulk;
pub mod charts;
pub mod compare;
pub mod facts;
mod list;
pub mod sessions;
mod table;

use maud::{Markup, html};

use crate::domain::id::ExperimentId;
use crate::request::site::Site;

pub use list::show;

/// A view of an experiment's traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    /// The table.
    Traces,
    /// The sessions.
    Sessions,
    /// The charts.
    Charts,
}

/// The address of a page of an experiment, from its path after the experiment's id.
fn address_of(site: &Site, experiment: ExperimentId, below: &str) -> String {
    site.page(&format!("experiments/{experiment}{below}"))
}

/// The links between the views.
fn views(site: &Site, experiment: ExperimentId, current: View) -> Markup {
    let words = site.words();
    let views = [
        (View::Traces, words.traces.title, "/traces"),
        (View::Sessions, words.traces.sessions, "/sessions"),
        (View::Charts, words.experiment_page.charts, "/traces/charts"),
    ];
    html! {
        nav.seg aria-label=(words.traces.views) {
            @for (view, text, below) in views {
                a href=(address_of(site, experiment, below)) aria-current=[(view == current).then_some("true")] { (text) }
            }
        }
    }
}
