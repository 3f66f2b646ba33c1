//! The form of a log's lines: text for people, or JSON. Each line of a request has its id.

use std::fmt;

use clap::{Args, ValueEnum};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{self, Format, Json};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Options of the log.
#[derive(Debug, Args)]
pub(in crate::cli) struct LogArgs {
    /// Form of the log: text for people, or json with one object a line
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, with the same fields.
    Json,
}

impl LogArgs {
    pub(in crate::cli) fn format(&self) -> LogFormat {
        self.log_format
    }
}

/// Writes a line as `tracing_subscriber` does, with the id of the request for which the task works at its end.
pub(super) struct WithRequestId(pub(super) Format);

/// Writes a line as one JSON object, with the id as its last field.
pub(super) struct JsonWithRequestId(pub(super) Format<Json>);

impl<S, N> FormatEvent<S, N> for JsonWithRequestId
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: format::Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = mlforge::current_request_id() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, format::Writer::new(&mut line), event)?;
        let open = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
        // An id has no character that JSON escapes.
        writeln!(writer, "{open},\"request\":\"{id}\"}}")
    }
}

impl<S, N> FormatEvent<S, N> for WithRequestId
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: format::Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = mlforge::current_request_id() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        let plain = format::Writer::new(&mut line);
        self.0.format_event(context, plain, event)?;
        writeln!(writer, "{} request={id}", line.trim_end_matches('\n'))
    }
}

/// One object a line, with the fields of an event beside its time, level and target.
pub(super) fn json_format() -> Format<Json> {
    let format = Format::default().json().flatten_event(true);
    format.with_current_span(false).with_span_list(false)
}

/// The line that tells of lines that are missing.
pub(super) fn notice(lost: u64, log_format: LogFormat) -> String {
    let message = format!("{lost} lines of the log could not be written");
    match log_format {
        LogFormat::Text => format!("mlforge: {message}\n"),
        LogFormat::Json => {
            let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
            let line = json!({ "timestamp": now, "level": "WARN", "message": message, "target": "mlforge::log" });
            format!("{line}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_notice_in_json_is_one_object_on_a_line() {
        let line = notice(2, LogFormat::Json);
        assert_eq!(line.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "2 lines of the log could not be written");
    }
}
