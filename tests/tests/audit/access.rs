//! Only maintainers and owners of a project read its audit log.

use super::{AUDIT, Audited};

#[test]
fn only_an_owner_reads_the_log() {
    let audited = Audited::fresh();
    audited.owner().run();
    for (token, status) in [
        ("owner", 200),
        // Reading needs no token that may write.
        ("reading", 200),
        ("developer", 403),
        ("reporter", 403),
        ("stranger", 404),
        ("unknown", 401),
    ] {
        let answer = audited.user(token).ask("GET", AUDIT, "");
        assert_eq!(answer.status, status, "{token}: {}", answer.body);
        assert_eq!(answer.body.contains("runs/create"), status == 200, "{token}");
    }
    let forged = [("x-mlforge-role", "owner"), ("x-mlforge-rights", "write")];
    let answer = audited.user("developer").with_headers(&forged).ask("GET", AUDIT, "");
    assert_eq!(answer.error(), (403, "PERMISSION_DENIED".to_owned()));
}

#[test]
fn the_log_can_only_be_read() {
    let audited = Audited::fresh();
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(audited.owner().ask(method, AUDIT, "{}").status, 405, "{method}");
    }
    for path in ["/-/ml/audit/", "/-/ml/audits", "/api/2.0/-/ml/audit"] {
        assert_eq!(audited.owner().ask("GET", path, "").status, 404, "{path}");
    }
}

#[test]
fn records_of_another_project_are_not_seen() {
    let audited = Audited::fresh();
    let other = audited.owner().in_project("2");
    audited.owner().run();
    other.run();
    other.run();
    let page = audited.owner().page("max_results=1");
    assert_eq!(audited.records().len(), 1);
    assert_eq!(other.list("").len(), 2);
    // A page token of one project leads to nothing of another.
    let token = other.page("max_results=1")["next_page_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(page["next_page_token"].is_null());
    let found = audited.owner().list(&format!("page_token={token}"));
    assert!(found.iter().all(|record| audited.records().contains(record)));
}
