//! Aliases, stage and details of a version, with their forms.

use maud::{Markup, html};
use mlforge_ui::time;
use mlforge_ui::words::fill;

use super::super::forms::{self, TextField};
use super::super::{form_token, parts, registry};
use super::{Mistake, Part};
use crate::domain::limits::ALIAS_CHARS_MAX;
use crate::domain::stage::ModelStage;
use crate::domain::version::FullVersion;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::request::call::Call;

/// Number of aliases that are shown.
const ALIASES_MAX: usize = 50;
/// Number of bytes of these, and of one without its name.
const ALIASES_BYTES_MAX: usize = 20_000;
const ALIAS_BYTES: usize = 380;

/// The aliases of the version, and the form for one more.
pub(super) fn aliases(call: &Call<'_>, full: &FullVersion, mistake: Option<Mistake<'_>>) -> Result<Markup> {
    let (site, words) = (call.site, &call.site.words().registry);
    let action = registry::version_page(site, full.version.model, full.version.number, "/aliases");
    let remove = format!("{action}/delete");
    let form = if call.may_write {
        alias_form(call, &action, mistake)?
    } else {
        html! {}
    };
    let first = full.aliases.iter().take(ALIASES_MAX);
    let shown = parts::fitting(first, ALIASES_BYTES_MAX, |alias| ALIAS_BYTES + 5 * alias.len());
    let rest = full.aliases.len() - shown;
    Ok(html! {
        section aria-labelledby="aliases" {
            div.bar { h2 #aliases { (words.aliases) } }
            @if full.aliases.is_empty() {
                p.mut { (site.words().common.none) }
            } @else {
                ul {
                    @for alias in full.aliases.iter().take(shown) {
                        li.row {
                            span.tag.al title=(alias) { bdi { "@" (alias) } }
                            @if call.may_write {
                                (forms::button(
                                    site, &remove, &[("alias", alias)], words.remove, &fill(words.remove_named, &[alias]),
                                ))
                            }
                        }
                    }
                }
                @if rest > 0 { p.mut.small { (fill(words.and_more, &[&rest.to_string()])) } }
            }
            (form)
        }
    })
}

fn alias_form(call: &Call<'_>, action: &str, mistake: Option<Mistake<'_>>) -> Result<Markup> {
    let (site, words) = (call.site, &call.site.words().registry);
    let mistake = Mistake::of(mistake, Part::Alias);
    let field = TextField {
        id: "alias",
        name: "alias",
        label: words.alias,
        value: if mistake.is_some() {
            call.params.text("alias")?.unwrap_or_default()
        } else {
            ""
        },
        chars_max: ALIAS_CHARS_MAX,
        is_required: true,
        hint: words.alias_hint,
        mistake,
    };
    Ok(html! {
        details open[mistake.is_some()] {
            summary.small { (words.set_alias) }
            form method="post" action=(action) {
                (form_token(site))
                (field.draw())
                button.btn { (words.set) }
            }
        }
    })
}

/// Names, times and places of the version, and the form that moves it to a stage.
pub(super) fn details(call: &Call<'_>, full: &FullVersion, mistake: Option<Mistake<'_>>) -> Markup {
    let (words, version) = (call.site.words(), &full.version);
    let registry = &words.registry;
    html! {
        section aria-labelledby="details" {
            div.bar { h2 #details { (registry.details) } }
            dl {
                dt { (registry.semver) } dd { (version.semver) }
                dt { (registry.number) } dd { (version.number) }
                dt { (registry.stage) } dd { (version.stage.name()) }
                @if let Some(author) = registry::author(version.author.as_ref()) {
                    dt { (registry.publisher) } dd { bdi { (author) } }
                }
                dt { (words.common.created) } dd { (time::ago(words, version.creation_time_ms, now_ms())) }
                dt { (words.common.updated) } dd { (time::ago(words, version.last_update_time_ms, now_ms())) }
                dt { (registry.uri) }
                dd { code.copy { bdi { "models:/" (full.model_name) "/" (version.semver) } } }
                dt { (registry.location) } dd { code.copy { bdi { (version.location) } } }
            }
            p { a.small href=(registry::model_page(call.site, version.model, "#versions")) { (registry.other_versions) } }
            @if call.may_write { (stage(call, full, mistake)) }
        }
    }
}

fn stage(call: &Call<'_>, full: &FullVersion, mistake: Option<Mistake<'_>>) -> Markup {
    let (words, version) = (&call.site.words().registry, &full.version);
    let mistake = Mistake::of(mistake, Part::Stage);
    html! {
        details open[mistake.is_some()] {
            summary.small { (words.move_stage) }
            form method="post" action=(registry::version_page(call.site, version.model, version.number, "/stage")) {
                (form_token(call.site))
                div.field {
                    label for="stage" { (words.stage) }
                    select #stage name="stage" {
                        @for stage in ModelStage::ALL {
                            option value=(stage.name()) selected[stage == version.stage] { (stage.name()) }
                        }
                    }
                    @if let Some(reason) = mistake { p.err.small role="alert" { bdi { (reason) } } }
                }
                p.row {
                    input #archive type="checkbox" name="archive" value="yes";
                    label for="archive" { (words.archive_others) }
                }
                button.btn { (words.set) }
            }
        }
    }
}
