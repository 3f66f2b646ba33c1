//! The endpoints `runs/log-…`, `runs/set-tag` and `runs/delete-tag`.

use super::EMPTY;
use super::logged_models::measured_on;
use super::pairs::{read_pair, reject_duplicate_keys};
use super::runs::run_id;
use crate::domain::experiment::Pair;
use crate::domain::id::RunId;
use crate::domain::job::names_job;
use crate::domain::limits::{
    BATCH_ITEMS_MAX, BATCH_METRICS_MAX, BATCH_PARAMS_MAX, BATCH_TAGS_MAX, DATASET_DIGEST_CHARS_MAX,
    DATASET_NAME_CHARS_MAX, MEASURED_BYTES_MAX,
};
use crate::domain::logged_model::{LoggedModelId, LoggedPoint, MeasuredOn};
use crate::domain::metric::Point;
use crate::domain::name::{validate_key, validate_length};
use crate::domain::pair::{RUN_PARAM, RUN_TAG};
use crate::domain::run::NAME_TAG;
use crate::error::{Error, Result};
use crate::host::clock::now_ms;
use crate::request::call::Call;
use crate::request::params::Params;
use crate::store::job_lookups;
use crate::store::keys::JobTarget;
use crate::store::runs::{self, Batch};

/// Logs one point of a metric.
pub async fn log_metric(call: Call<'_>) -> Result<Vec<u8>> {
    let mut batch = Batch::default();
    let of_model = add_metric(&mut batch, &call.params, "name")?;
    let run = run_id(&call.params)?;
    batch.of_models.extend(of_model.map(|point| point.of_run(run)));
    log(run, batch).await
}

/// Logs one param.
pub async fn log_param(call: Call<'_>) -> Result<Vec<u8>> {
    let param = read_param(&call.params)?;
    log(
        run_id(&call.params)?,
        Batch {
            params: vec![param],
            ..Batch::default()
        },
    )
    .await
}

/// Sets one tag.
pub async fn set_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let tags = read_tags(&[call.params])?;
    log(
        run_id(&call.params)?,
        Batch {
            tags,
            ..Batch::default()
        },
    )
    .await
}

/// Deletes one tag.
pub async fn delete_tag(call: Call<'_>) -> Result<Vec<u8>> {
    let key = call.params.required_text("key")?;
    RUN_TAG.ensure_removable(key)?;
    runs::delete_tag(RunId::parse(call.params.required_text("run_id")?)?, key, now_ms()).await?;
    Ok(EMPTY.to_vec())
}

/// Logs a batch of metrics, params and tags, all or nothing.
pub async fn log_batch(call: Call<'_>) -> Result<Vec<u8>> {
    let params = &call.params;
    let run = RunId::parse_well_formed(params.required_text("run_id")?)?;
    let metrics = params.objects("metrics")?;
    let logged_params = params.objects("params")?;
    let tags = params.objects("tags")?;
    at_most("metrics", metrics.len(), BATCH_METRICS_MAX)?;
    at_most("params", logged_params.len(), BATCH_PARAMS_MAX)?;
    at_most("tags", tags.len(), BATCH_TAGS_MAX)?;
    at_most(
        "metrics, params and tags",
        metrics.len() + logged_params.len() + tags.len(),
        BATCH_ITEMS_MAX,
    )?;
    let mut batch = Batch {
        params: logged_params.iter().map(read_param).collect::<Result<_>>()?,
        tags: read_tags(&tags)?,
        ..Batch::default()
    };
    for metric in metrics {
        let of_model = add_metric(&mut batch, &metric, "key")?;
        batch.of_models.extend(of_model.map(|point| point.of_run(run)));
    }
    reject_duplicate_keys(&batch.params)?;
    log(run, batch).await
}

async fn log(run: RunId, batch: Batch) -> Result<Vec<u8>> {
    let now_ms = now_ms();
    runs::log(run, &batch, now_ms).await?;
    if batch.tags.iter().any(|(key, _)| names_job(key)) {
        job_lookups::first_try(&[JobTarget::Run(run)], now_ms).await;
    }
    Ok(EMPTY.to_vec())
}

/// The logged model and dataset of a point.
struct OfModel<'a> {
    model: LoggedModelId,
    key: &'a str,
    dataset: MeasuredOn,
    point: Point,
}

impl OfModel<'_> {
    fn of_run(self, run: RunId) -> (LoggedModelId, LoggedPoint) {
        let point = LoggedPoint {
            key: self.key.to_owned(),
            dataset: self.dataset,
            run,
            point: self.point,
        };
        (self.model, point)
    }
}

/// Checks that a metric and its dataset fit together into the key of a record. Texts of characters of three bytes always do.
fn validate_measured(params: &Params<'_>, key: &str, dataset: &MeasuredOn) -> Result<()> {
    let texts = [key, &dataset.name, &dataset.digest];
    let bytes: usize = texts
        .iter()
        .map(|text| text.len() + text.bytes().filter(|byte| *byte == 0).count())
        .sum();
    if bytes > MEASURED_BYTES_MAX {
        return Err(Error::Invalid(format!(
            "'{}' has {bytes} bytes together with the name of the metric and the digest: at most {MEASURED_BYTES_MAX} are allowed for a metric of a logged model",
            params.name("dataset_name")
        )));
    }
    Ok(())
}

/// The logged model of a point, and the dataset on which it was measured. `None`: the point is only of a run.
fn read_model(params: &Params<'_>) -> Result<Option<(LoggedModelId, MeasuredOn)>> {
    let Some(model) = params.text("model_id")?.filter(|model| !model.is_empty()) else {
        return Ok(None);
    };
    let dataset = measured_on(params)?;
    validate_length(&params.name("dataset_name"), &dataset.name, DATASET_NAME_CHARS_MAX)?;
    validate_length(
        &params.name("dataset_digest"),
        &dataset.digest,
        DATASET_DIGEST_CHARS_MAX,
    )?;
    validate_measured(params, params.required_text("key")?, &dataset)?;
    Ok(Some((LoggedModelId::parse(model)?, dataset)))
}

/// Adds a point to a batch. A batch may have 1,000 points of few metrics, so each key is checked only once.
fn add_metric<'a>(batch: &mut Batch, params: &Params<'a>, key_name: &str) -> Result<Option<OfModel<'a>>> {
    let key = params.required_text("key")?;
    let points = match batch.metrics.get_mut(key) {
        Some(points) => points,
        None => {
            validate_key(&params.name(key_name), key)?;
            batch.metrics.entry(key.to_owned()).or_default()
        }
    };
    let value = params.required_float("value")?;
    let timestamp_ms = params.required_integer("timestamp")?;
    if timestamp_ms < 0 {
        return Err(Error::Invalid(format!(
            "Invalid value {timestamp_ms} for parameter '{}' supplied: timestamps must be a nonnegative long (64-bit integer)",
            params.name("timestamp")
        )));
    }
    let point = Point::new(value, timestamp_ms, params.integer("step")?.unwrap_or(0));
    points.push(point);
    Ok(read_model(params)?.map(|(model, dataset)| OfModel {
        model,
        key,
        dataset,
        point,
    }))
}

fn read_param(params: &Params<'_>) -> Result<Pair> {
    read_pair(params, RUN_PARAM)
}

/// The tags without an empty run name, and without those that only the server writes. A run always has a name, and an
/// empty one changes nothing.
fn read_tags(params: &[Params<'_>]) -> Result<Vec<Pair>> {
    let mut tags = params
        .iter()
        .map(|tag| read_pair(tag, RUN_TAG))
        .collect::<Result<Vec<_>>>()?;
    tags.retain(|(key, value)| (key != NAME_TAG || !value.is_empty()) && !RUN_TAG.is_of_server(key));
    Ok(tags)
}

fn at_most(what: &str, count: usize, max: usize) -> Result<()> {
    if count > max {
        return Err(Error::Invalid(format!(
            "A batch logging request can contain at most {max} {what}. Got {count} {what}. Please split up {what} across \
             multiple requests and try again."
        )));
    }
    Ok(())
}
