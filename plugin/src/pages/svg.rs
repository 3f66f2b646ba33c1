//! Charts and badges as SVG files with stable addresses, for a README. They obey the rights of the project as pages do.

use mlforge_ui::chart::{Mark, Series, as_logged, badge as draw_badge, file};
use mlforge_ui::number;

use super::columns::{self, Column};
use super::curves::points;
use super::look::Look;
use crate::domain::alias::validate_alias;
use crate::domain::id::RunId;
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::response::{Answer, Contents};
use crate::store::metrics::summary::{self, Room};
use crate::store::registry::aliases;

const SVG: &str = "image/svg+xml";
const SUFFIX: &str = ".svg";
/// Height of a chart's plot area in pixels.
const HEIGHT: u32 = 170;

/// The policy of a drawing that is opened on its own: its style is in it, and nothing runs or is loaded.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

fn drawing(svg: String) -> Answer {
    let headers = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, no-cache"),
        ("vary", "accept-language, cookie, authorization"),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    Answer::file(SVG, headers.to_vec(), Contents::Whole(svg.into_bytes()))
}

/// The name of the metric in the address, which ends like a file's.
fn metric_of<'a>(call: &Call<'a>) -> Result<&'a str> {
    let file = call.params.required_text("metric")?;
    let metric = file.strip_suffix(SUFFIX).filter(|metric| !metric.is_empty());
    metric.ok_or_else(|| {
        Error::NotFound(format!(
            "There is no drawing '{file}': its name must end with '{SUFFIX}'."
        ))
    })
}

/// Reads a run that has a metric.
async fn run_with(run: RunId, metric: &str) -> Result<Column> {
    let column = columns::read(&[run]).await?.pop().ok_or_else(|| run.not_found())?;
    if column.metrics.contains_key(metric) {
        return Ok(column);
    }
    Err(Error::NotFound(format!("Run {run} has no metric '{metric}'.")))
}

/// Draws a metric of a run.
pub async fn chart(call: Call<'_>) -> Result<Answer> {
    let metric = metric_of(&call)?;
    let look = Look::of(&call.params)?;
    let column = run_with(RunId::parse(call.params.required_text("run_id")?)?, metric).await?;
    let history = summary::read(column.id, metric, Room::shared(1)).await?;
    let series = Series {
        name: metric,
        points: points(&history.points, look.axis, column.start_time_ms),
        mark: Mark::Chosen(1),
        is_running: column.is_running(),
    };
    let title = format!("{metric} · {}", column.name);
    let chart = look.chart("", &title, HEIGHT, vec![series]);
    Ok(drawing(file(call.site.words(), &chart)))
}

/// Draws a badge with the latest value of a metric, of a run or of the version that an alias names: `<name>@<alias>`.
pub async fn badge(call: Call<'_>) -> Result<Answer> {
    let metric = metric_of(&call)?;
    let of = call.params.required_text("of")?;
    let run = match of.rsplit_once('@') {
        Some((model, alias)) => {
            validate_alias(alias)?;
            aliases::resolve(model, alias).await?.version.run
        }
        None => RunId::parse(of)?,
    };
    let column = run_with(run, metric).await?;
    let value = column.metrics.get(metric).map(|point| as_logged(point.value));
    let value = value.map(number::metric).unwrap_or_default();
    Ok(drawing(draw_badge(metric, &value)))
}
