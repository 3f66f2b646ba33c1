//! Requests of the past, made again.

use std::time::{Duration, SystemTime};

use mlforge::Replay;
use serde_json::Value;

use crate::tracker::{Reply, Tracker, reply};

impl Tracker {
    /// Makes a POST of another server again, at a time in milliseconds since the Unix epoch and by a user.
    pub fn replay(&self, time_ms: u64, user: &str, endpoint: &str, body: Value) -> Reply {
        let mut request = self.request("POST", &format!("/api/2.0/mlflow/{endpoint}"), body.to_string());
        request.extensions_mut().insert(Replay {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(time_ms),
            user: user.to_owned(),
        });
        let host = &self.own("replays").host;
        self.runtime.block_on(async { reply(host.handle(request).await) })
    }
}
