//! The endpoints of `logged-models/…`.

use serde::Serialize;

use super::paging::{self, PageWriter, page_size};
use super::pairs::{read_pairs, reject_duplicate_keys};
use super::runs::experiments;
use super::wire::logged_models::Model;
use super::{EMPTY, json};
use crate::domain::experiment::Pair;
use crate::domain::id::ExperimentId;
use crate::domain::limits::{
    DATASETS_PER_LOGGED_SEARCH_MAX, LOGGED_MODELS_PER_PAGE_DEFAULT, LOGGED_MODELS_PER_PAGE_MAX,
};
use crate::domain::logged_model::{
    FullLoggedModel, KnownLoggedModel, LoggedModelId, LoggedStatus, MeasuredOn, NewLoggedModel,
};
use crate::domain::name::missing;
use crate::domain::nickname::nickname;
use crate::domain::pair::LOGGED_MODEL_PAIR;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::host::random::{random_id, random_u64};
use crate::request::call::Call;
use crate::request::params::Params;
use crate::search::cursor::Pages;
use crate::search::logged_models::{LoggedModelOrder, LoggedModelSearch, OrderItem};
use crate::store::logged_models;
use crate::store::logged_models::search::LoggedModelQuery;
use crate::store::logged_models::{read, search};

#[derive(Serialize)]
struct Answer<'a> {
    model: Model<'a>,
}

fn answer(model: &FullLoggedModel) -> Result<Vec<u8>> {
    json(&Answer { model: model.into() })
}

fn model_id(params: &Params<'_>) -> Result<LoggedModelId> {
    LoggedModelId::parse(params.required_text("model_id")?)
}

fn tags(params: &Params<'_>) -> Result<Vec<Pair>> {
    read_pairs(params, "tags", LOGGED_MODEL_PAIR)
}

fn logged_params(params: &Params<'_>) -> Result<Vec<Pair>> {
    let pairs = read_pairs(params, "params", LOGGED_MODEL_PAIR)?;
    reject_duplicate_keys(&pairs)?;
    Ok(pairs)
}

/// Creates a logged model.
pub async fn create(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let experiment = ExperimentId::parse(params.required_text("experiment_id")?)?;
    let text = |name| params.text(name).map(|text| text.unwrap_or_default().to_owned());
    let new = NewLoggedModel {
        name: text("name")?,
        kind: text("model_type")?,
        source_run: text("source_run_id")?,
        params: logged_params(params)?,
        tags: tags(params)?,
        chosen_id: call.chosen_id("model_id")?.map(LoggedModelId::parse).transpose()?,
    };
    let id = LoggedModelId(random_id());
    answer(&logged_models::create(experiment, &new, id, &nickname(random_u64()), now_ms()).await?)
}

/// Reads a logged model. A deleted one is found only on request.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    let id = model_id(&call.params)?;
    let allow_deleted = call.params.text("allow_deleted")?.unwrap_or_default();
    let found = read::read(id).await?;
    if found.known.model.is_deleted && !allow_deleted.eq_ignore_ascii_case("true") {
        return Err(id.not_found());
    }
    answer(&found)
}

/// Sets the upload status of a logged model.
pub async fn finalize(call: Call<'_>) -> Result<Vec<u8>> {
    let id = model_id(&call.params)?;
    let status = call.params.choice("status", &LoggedStatus::ALL)?;
    let status = status.ok_or_else(|| missing("status"))?;
    answer(&logged_models::finalize(id, status, now_ms()).await?)
}

/// Soft-deletes a logged model.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    logged_models::delete(model_id(&call.params)?, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Sets tags.
pub async fn set_tags(call: Call<'_>) -> Result<Vec<u8>> {
    logged_models::set_tags(model_id(&call.params)?, &tags(&call.params)?).await?;
    Ok(EMPTY.to_vec())
}

/// Deletes a tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Vec<u8>> {
    logged_models::delete_tag(model_id(&call.params)?, call.params.required_text("tag_key")?).await?;
    Ok(EMPTY.to_vec())
}

/// Logs params.
pub async fn log_params(call: Call<'_>) -> Result<Vec<u8>> {
    logged_models::log_params(model_id(&call.params)?, &logged_params(&call.params)?).await?;
    Ok(EMPTY.to_vec())
}

/// Searches logged models of some experiments. By default the newest come first.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    if params.texts("experiment_ids")?.is_empty() {
        return Err(missing("experiment_ids"));
    }
    let (filter, datasets) = (params.text("filter")?.unwrap_or_default(), datasets(params)?);
    let items = params.objects("order_by")?;
    let items = items.iter().map(order_item).collect::<Result<Vec<_>>>()?;
    let order = LoggedModelOrder::parse(&items, &datasets)?;
    let within = experiments(params)?;
    let pages = Pages::of(("logged models", &within, filter, &datasets, items));
    let token = params.text("page_token")?.unwrap_or_default();
    let query = LoggedModelQuery {
        search: LoggedModelSearch::parse(filter, datasets)?,
        after: pages.after(token, |place| order.fits(place))?,
        count: page_size(params, LOGGED_MODELS_PER_PAGE_DEFAULT, LOGGED_MODELS_PER_PAGE_MAX)?,
        order,
    };
    let found = search::find(&within, &query).await?;
    let write =
        async |page: &mut PageWriter, known: KnownLoggedModel| page.add(&Model::from(&read::with_points(known).await?));
    paging::write("models", pages, &found, read::read_known, write).await
}

fn datasets(params: &Params<'_>) -> Result<Vec<MeasuredOn>> {
    let given = params.objects("datasets")?;
    if given.len() > DATASETS_PER_LOGGED_SEARCH_MAX {
        let count = given.len();
        return Err(Error::Invalid(format!(
            "{count} datasets: at most {DATASETS_PER_LOGGED_SEARCH_MAX} are allowed"
        )));
    }
    let datasets = given.iter().map(measured_on).collect::<Result<Vec<_>>>()?;
    if datasets.iter().any(|on| on.name.is_empty()) {
        return Err(Error::Invalid(
            "`dataset_name` in the `datasets` clause must be specified.".to_owned(),
        ));
    }
    Ok(datasets)
}

/// The dataset in some parameters. Its texts are empty when it is not given.
pub fn measured_on(params: &Params<'_>) -> Result<MeasuredOn> {
    let text = |name| params.text(name).map(|text| text.unwrap_or_default().to_owned());
    Ok(MeasuredOn {
        name: text("dataset_name")?,
        digest: text("dataset_digest")?,
    })
}

fn order_item(params: &Params<'_>) -> Result<OrderItem> {
    Ok(OrderItem {
        field: params.text("field_name")?.unwrap_or_default().to_owned(),
        ascending: params.boolean("ascending")?.unwrap_or(true),
        dataset: measured_on(params)?,
    })
}
