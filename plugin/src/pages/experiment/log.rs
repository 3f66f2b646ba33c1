//! The page that teaches how a script logs into an experiment.

use maud::{Markup, html};

use super::head::{Head, Tab};
use crate::domain::experiment::Experiment;
use crate::domain::id::ExperimentId;
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::site::Site;

/// Shows how a script logs into an experiment.
pub async fn show(call: Call<'_>) -> Result<Answer> {
    let id = ExperimentId::parse(call.params.required_text("experiment_id")?)?;
    let head = Head::read(id).await?;
    let page = head.page(&call, Tab::Details);
    Ok(page.answer(&html! {
        div.head { div { h1 { (page.words.experiment_page.log_a_run) } } }
        (steps(call.site, &head.experiment))
    }))
}

/// The steps from nothing to a first run.
pub fn steps(site: &Site, experiment: &Experiment) -> Markup {
    let words = site.words();
    let own = &words.experiment_page;
    html! {
        div.two {
            ol.steps {
                li {
                    h2 { (own.step_address) }
                    pre.code tabindex="0" {
                        code.copy {
                            "export MLFLOW_TRACKING_URI=" (site.tracking_uri()) "\n"
                            "export MLFLOW_TRACKING_TOKEN=…"
                        }
                    }
                    p.small.mut { (words.experiments.token_hint) }
                }
                li { h2 { (own.step_run) } (script(experiment)) p.small.mut { (own.needs_client) } }
                li {
                    h2 { (own.step_look) }
                    p.mut { (own.step_look_text) }
                    p.row { a.btn.pri href=(site.page(&format!("experiments/{}", experiment.id))) { (own.look_again) } }
                }
            }
            aside {
                section {
                    h2 { (own.from_ci) }
                    p.mut.small { (own.from_ci_text) }
                    pre.code tabindex="0" {
                        code.copy {
                            "mlflow.set_tag(\n    \"gitlab.CI_JOB_ID\",\n    os.getenv(\"CI_JOB_ID\"))"
                        }
                    }
                }
            }
        }
    }
}

fn script(experiment: &Experiment) -> Markup {
    html! {
        pre.code tabindex="0" {
            code.copy {
                "import math, mlflow\n\n"
                "mlflow.set_experiment(" (python_text(&experiment.name)) ")\n"
                "with mlflow.start_run(run_name=\"hello\"):\n"
                "    mlflow.log_params({\"lr\": 0.1, \"epochs\": 20})\n"
                "    for step in range(20):\n"
                "        mlflow.log_metric(\"loss\", math.exp(-0.1 * step), step=step)\n"
                "    mlflow.set_tag(\"task\", \"demo\")"
            }
        }
    }
}

/// A text as Python writes it: a name with quotes or line breaks must not become code that somebody copies.
fn python_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() || is_bidi(char) => quoted.push_str(&format!("\\U{:08x}", u32::from(char))),
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

/// True for characters that change the direction of the text after them.
fn is_bidi(char: char) -> bool {
    matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(python_text(r#"a"\b"#), r#""a\"\\b""#);
        assert_eq!(python_text("a\n\u{202e}ü"), "\"a\\U0000000a\\U0000202eü\"");
    }
}
