//! The bar above the traces and their charts: the filter, and the links between the views.

use maud::{Markup, html};

use super::asked::Asked;
use super::{View, address_of, views};
use crate::pages::experiment::head::{Head, Tab};
use crate::pages::mistake::MistakeNote;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;
use crate::search::mistake::FilterMistake;

/// The forms of a filter that are shown beside a mistake.
const FORMS: [&str; 8] = [
    "status = 'ERROR' AND execution_time > 1000",
    "name ILIKE '%chat%'",
    "timestamp > 1700000000000",
    "tags.team = 'search' AND metadata.`mlflow.trace.session` = 's-1'",
    "span.type = 'LLM' AND span.status = 'ERROR'",
    "trace.text LIKE '%time out%'",
    "feedback.correct = 'true'",
    "prompt = 'greeting/2'",
];

/// The path of a view after the experiment's id.
fn below(view: View) -> &'static str {
    match view {
        View::Traces => "/traces",
        View::Sessions => "/sessions",
        View::Charts => "/traces/charts",
    }
}

/// Draws the bar.
pub(super) fn draw(site: &Site, asked: &Asked<'_>, view: View, is_mistaken: bool) -> Markup {
    let words = site.words();
    html! {
        div.bar {
            form.find role="search" action=(address_of(site, asked.experiment, below(view))) {
                label.vh for="filter" { (words.traces.filter_label) }
                input.mono #filter name="filter" value=(asked.filter) spellcheck="false" autocomplete="off"
                    placeholder="status = 'ERROR' and execution_time > 1000"
                    aria-invalid=[is_mistaken.then_some("true")] aria-describedby=[is_mistaken.then_some("mistake")];
                (asked.hidden("filter"))
                button.btn { (words.experiment_page.filter) }
            }
            (views(site, asked.experiment, view))
        }
    }
}

/// The page about a filter that cannot be read. Nothing is searched.
pub(super) fn mistaken(call: &Call<'_>, head: &Head, asked: &Asked<'_>, view: View, mistake: &FilterMistake) -> Answer {
    let words = call.site.words();
    let note = MistakeNote {
        filter: asked.filter,
        mistake,
        forms: &FORMS,
        address: asked.address(call.site, below(view)),
        without: words.traces.without_filter,
    };
    let main = html! {
        (head.draw(call, Tab::Traces))
        (draw(call.site, asked, view, true))
        (note.draw(words))
    };
    head.page(call, Tab::Traces).answer_with(400, &main)
}
