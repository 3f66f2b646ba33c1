//! The points of metrics as CSV, which is made while it is sent.

use mlforge_ui::chart::as_logged;
use mlforge_ui::number;
use mlforge_ui::time::iso;

use super::view::run_id;
use crate::domain::id::RunId;
use crate::error::{Error, Result};
use crate::host::streams::{BodyWriter, filled_by};
use crate::pages::csv::cell;
use crate::request::call::Call;
use crate::request::file_response::disposition;
use crate::request::response::{Answer, Contents};
use crate::store::metrics::history;
use crate::store::runs;

const CSV: &str = "text/csv; charset=utf-8";
/// Largest number of metrics in one file.
const METRICS_MAX: usize = 100;
/// Number of points that are read and sent together.
const POINTS_AT_ONCE: usize = 10_000;

/// Sends all points of some metrics, by (metric, time, step, value).
pub async fn csv(call: Call<'_>) -> Result<Answer> {
    let run = run_id(&call)?;
    let metrics = call.params.texts("metric")?;
    if metrics.is_empty() || metrics.len() > METRICS_MAX {
        return Err(Error::Invalid(format!(
            "The address names {} metrics; it must name 1 to {METRICS_MAX}, as 'metric=…'.",
            metrics.len()
        )));
    }
    let name = runs::load(run).await?.run.name;
    let headers = vec![
        ("cache-control", "private, no-cache".to_owned()),
        ("content-disposition", disposition(&format!("{name}.csv"), false)),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let metrics = metrics.into_iter().map(str::to_owned).collect();
    let body = filled_by(move |writer| write(writer, run, metrics));
    Ok(Answer::file(CSV, headers, Contents::Filled(body)))
}

async fn write(mut writer: BodyWriter, run: RunId, metrics: Vec<String>) -> Result<()> {
    writer.send(b"metric,step,timestamp,time,value\r\n".to_vec()).await?;
    for metric in metrics {
        let name = cell(&metric);
        let mut after = None;
        loop {
            let (points, next) = history::page(run, &metric, after.as_ref(), POINTS_AT_ONCE).await?;
            let lines = points.iter().map(|point| {
                let time = iso(point.timestamp_ms);
                let value = number::full(as_logged(point.value));
                format!("{name},{},{},{time},{value}\r\n", point.step, point.timestamp_ms)
            });
            writer.send(lines.collect::<String>().into_bytes()).await?;
            if next.is_none() {
                break;
            }
            after = next;
        }
    }
    Ok(())
}
