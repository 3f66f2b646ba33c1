//! Answers about what MLflow's own web pages offer and this server does not have. Without them the pages complain.

use super::json;
use crate::error::Result;
use crate::request::call::Call;
use serde::Serialize;

#[derive(Serialize)]
struct Gateway {
    endpoints: [(); 0],
}

/// Lists the endpoints of an AI gateway, as MLflow's server does when it has none.
pub async fn gateway_proxy(_: Call<'_>) -> Result<Vec<u8>> {
    json(&Gateway { endpoints: [] })
}

#[derive(Serialize)]
struct Telemetry {
    disable_ui_telemetry: bool,
    disable_ui_events: [(); 0],
    ui_rollout_percentage: u8,
}

/// Tells the pages to report nothing about their users to anybody.
pub async fn ui_telemetry(_: Call<'_>) -> Result<Vec<u8>> {
    json(&Telemetry {
        disable_ui_telemetry: true,
        disable_ui_events: [],
        ui_rollout_percentage: 0,
    })
}
