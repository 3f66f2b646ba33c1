//! Records are removed after the configured time.

use serde_json::json;

use super::{Audited, DAY_MS, KEPT_DAYS, actions};

const HOUR_MS: u64 = 3_600_000;

#[test]
fn a_record_is_removed_after_its_time_and_not_before() {
    let audited = Audited::fresh();
    audited.owner().run();
    audited.wait_ms(DAY_MS);
    audited.owner().post("experiments/create", json!({"name": "e"}));
    audited.wait_ms((KEPT_DAYS - 1) * DAY_MS - HOUR_MS);
    audited.maintain();
    assert_eq!(actions(&audited.records()), ["experiments/create", "runs/create"]);
    audited.wait_ms(2 * HOUR_MS);
    audited.maintain();
    assert_eq!(actions(&audited.records()), ["experiments/create"]);
    audited.wait_ms(2 * DAY_MS);
    audited.maintain();
    assert_eq!(audited.records(), [json!(null); 0]);
}

#[test]
fn more_records_than_one_pass_removes_are_all_removed() {
    let audited = Audited::fresh();
    let now_ms = audited.now_ms();
    audited.put_records(now_ms..now_ms + 12_000);
    audited.wait_ms((KEPT_DAYS + 1) * DAY_MS);
    audited.maintain();
    assert_eq!(audited.records(), [json!(null); 0]);
}
