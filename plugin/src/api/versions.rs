//! The endpoints of `model-versions/…`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::models::{description, name, tag, tag_key, tags};
use super::paging::{self, PageWriter, page_size};
use super::wire::registry::Version as WireVersion;
use super::{EMPTY, json};
use crate::domain::id::RunId;
use crate::domain::job::names_job;
use crate::domain::limits::{CHOSEN_NUMBER_MAX, SOURCE_CHARS_MAX, VERSIONS_PER_PAGE_DEFAULT, VERSIONS_PER_PAGE_MAX};
use crate::domain::logged_model::LoggedModelId;
use crate::domain::name::validate_length;
use crate::domain::pair::REGISTRY_TAG;
use crate::domain::prompt::is_prompt;
use crate::domain::semver::{SEMVER_TAG, SemVer};
use crate::domain::source::{Source, not_of_model};
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, Version, VersionName};
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::host::forge;
use crate::host::random::random_id;
use crate::request::call::Call;
use crate::request::json_list::with_version;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::search::versions::{VersionOrder, VersionSearch};
use crate::store::job_lookups;
use crate::store::keys::JobTarget;
use crate::store::portion::ITEM_BYTES_MAX;
use crate::store::registry::create_version::NewVersion;
use crate::store::registry::source::Owner;
use crate::store::registry::stage::Transition;
use crate::store::registry::version_read::VersionRef;
use crate::store::registry::version_search::VersionQuery;
use crate::store::registry::{create_version, stage, version_delete, version_read, version_search, versions};

#[derive(Serialize)]
struct Answer<'a> {
    model_version: WireVersion<'a>,
}

/// The answer with one version.
pub fn answer(version: &FullVersion) -> Result<Vec<u8>> {
    json(&Answer {
        model_version: WireVersion::whole(version),
    })
}

/// The version in a request, by number or semantic version.
pub fn version(params: &Params<'_>) -> Result<VersionName> {
    VersionName::parse(params.required_text("version")?)
}

/// Creates the next version of a model.
pub async fn create(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let name = name(params)?;
    let given = tags(params)?;
    let text = |name| params.text(name).map(Option::unwrap_or_default);
    let (source, run_link) = (text("source")?, text("run_link")?);
    validate_length("run_link", run_link, SOURCE_CHARS_MAX)?;
    let parsed = Source::parse(source, is_prompt(&given), call.source_schemes)?;
    let owner = owner(params, source)?;
    let mut tags: BTreeMap<String, String> = given.into_iter().collect();
    let semver = tags
        .remove(SEMVER_TAG)
        .map(|semver| SemVer::parse(&semver))
        .transpose()?;
    let now_ms = now_ms();
    let job = forge::caller_job();
    let new = NewVersion {
        semver,
        source,
        parsed: &parsed,
        owner,
        description: description(params)?.unwrap_or_default().to_owned(),
        run_link: run_link.to_owned(),
        tags,
        user: call.actor.login.clone(),
        author: call.actor.author(),
        // A new run ends at once. Only the caller's own job can have told its commit by then.
        sets_commit_status: job.is_some() && forge::announce_ended_run(),
        job,
        run_id: RunId::made_at(now_ms, random_id()),
        number: call.chosen_id("version")?.map(chosen_number).transpose()?,
    };
    let noted = |versions: Option<&str>, number: u64| with_version(versions, name, number);
    let created = create_version::create(name, &new, now_ms, noted).await?;
    if new.tags.keys().any(|key| names_job(key)) {
        let Version { model, number, run, .. } = created.version;
        let targets = [JobTarget::Version(model, number), JobTarget::Run(run)];
        job_lookups::first_try(&targets, now_ms).await;
    }
    answer(&created)
}

/// Reads the number that a replay chooses for a version.
fn chosen_number(text: &str) -> Result<u64> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=CHOSEN_NUMBER_MAX).contains(number));
    number.ok_or_else(|| {
        Error::Invalid(format!(
            "Parameter 'version' must be a number from 1 to {CHOSEN_NUMBER_MAX}, got '{text}'."
        ))
    })
}

/// The owner of a version's source, as named in the request.
fn owner(params: &Params<'_>, source: &str) -> Result<Owner> {
    let given = |name| params.text(name).map(|text| text.filter(|text| !text.is_empty()));
    let model = given("model_id")?.map(LoggedModelId::parse).transpose();
    Ok(Owner {
        run: given("run_id")?.map(RunId::parse).transpose()?,
        model: model.map_err(|_| not_of_model(source))?,
    })
}

/// Reads a version.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    answer(&version_read::read(name(&call.params)?, &version(&call.params)?).await?)
}

/// Changes a version's description. Without a description in the request, the version has none afterwards.
pub async fn update(call: Call<'_>) -> Result<Vec<u8>> {
    let (name, version) = (name(&call.params)?, version(&call.params)?);
    answer(&versions::describe(name, &version, description(&call.params)?, now_ms()).await?)
}

/// Moves a version to a stage.
pub async fn transition_stage(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let (name, version, stage) = (name(params)?, version(params)?, params.required_text("stage")?);
    let to = Transition {
        stage: ModelStage::parse(stage)?,
        archive_others: params.boolean("archive_existing_versions")?.unwrap_or(false),
    };
    if to.archive_others && !to.stage.is_active() {
        return Err(Error::Invalid(format!(
            "Model version transition cannot archive existing model versions because '{stage}' is not an Active stage. \
             Valid stages are ['Staging', 'Production']"
        )));
    }
    answer(&stage::move_to(name, &version, to, now_ms()).await?)
}

/// Deletes a version.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    version_delete::delete(name(&call.params)?, &version(&call.params)?, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Sets a tag.
pub async fn set_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let (key, value) = tag(&call.params)?;
    change_tag(&call.params, &key, Some(&value)).await
}

/// Deletes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Vec<u8>> {
    change_tag(&call.params, tag_key(&call.params)?, None).await
}

async fn change_tag(params: &Params<'_>, key: &str, value: Option<&str>) -> Result<Vec<u8>> {
    let (name, version) = (name(params)?, version(params)?);
    if REGISTRY_TAG.is_of_server(key) {
        versions::load(name, &version).await?;
        return Ok(EMPTY.to_vec());
    }
    if key != SEMVER_TAG {
        job_lookups::change_version_tag(name, &version, key, value, now_ms()).await?;
        return Ok(EMPTY.to_vec());
    }
    let semver = value.map(SemVer::parse).transpose()?;
    versions::keep_semver(name, &version, semver.as_ref()).await?;
    Ok(EMPTY.to_vec())
}

#[derive(Serialize)]
struct Download<'a> {
    artifact_uri: &'a str,
}

/// Returns the URI from which a version's files are downloaded.
pub async fn get_download_uri(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let name = name(params)?;
    let found = versions::load(name, &version(params)?).await?;
    json(&Download {
        artifact_uri: &found.version.location,
    })
}

/// Searches versions. By default the last updated come first.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let filter = params.text("filter")?.unwrap_or_default();
    let order_by = params.texts("order_by")?;
    let order = VersionOrder::parse(&order_by)?;
    let pages = Pages::of(("model versions", filter, order_by));
    let token = params.text("page_token")?.unwrap_or_default();
    let query = VersionQuery {
        search: VersionSearch::parse(filter)?,
        after: pages.after(token, |bytes| order.read_key(bytes).is_some())?,
        count: page_size(params, VERSIONS_PER_PAGE_DEFAULT, VERSIONS_PER_PAGE_MAX)?,
        order,
    };
    let found = version_search::find(&query).await?;
    let read = async |some: &[VersionRef]| version_read::read_some(some, ITEM_BYTES_MAX).await;
    let write = async |page: &mut PageWriter, version: FullVersion| page.add(&WireVersion::in_list(&version));
    paging::write("model_versions", pages, &found, read, write).await
}
