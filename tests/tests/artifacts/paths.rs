//! Paths that are refused.

use super::{Artifacts, STORE};

/// One path for each class of published escapes from MLflow's artifact store, as it is written in an address.
const WAYS_OUT: &[&str] = &[
    "../x",
    "../../../../../../etc/passwd",
    "a/../../x",
    "..%2f..%2fx",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "%252e%252e%252fx",
    "%25252e%25252e%25252fx",
    "..%5c..%5cx",
    "..%255cx",
    "%2fetc%2fpasswd",
    "%252fetc%252fpasswd",
    "/etc/passwd",
    "a//b",
    "C:/x",
    "a/c%3Ax",
    "File:x",
    "a%5C",
    "%5Ca",
    "a%00",
    "a%2500.txt",
    "a%0d%0ab",
    "a%23/../b",
    "a%23b",
    "a%3Fb",
    "a;/../b",
    "%C0%AE%C0%AE/x",
    "a%FFb",
];

#[test]
fn no_path_leads_out_of_the_artifact_store() {
    let artifacts = Artifacts::with_file("a", "x");
    let (tracker, root, run) = (&artifacts.tracker, &artifacts.root, &artifacts.run);
    for way in WAYS_OUT {
        let places = [
            ("PUT", format!("{STORE}/{root}/{way}")),
            ("GET", format!("{STORE}/{root}/{way}")),
            ("HEAD", format!("{STORE}/{root}/{way}")),
            ("DELETE", format!("{STORE}/{root}/{way}")),
            ("GET", format!("{STORE}/{way}")),
            ("GET", format!("{STORE}?path={root}/{way}")),
            ("GET", format!("{STORE}?path={way}")),
            ("GET", format!("/api/2.0/mlflow/artifacts/list?run_id={run}&path={way}")),
            ("GET", format!("/get-artifact?run_id={run}&path={way}")),
            (
                "POST",
                format!("/ajax-api/2.0/mlflow/upload-artifact?run_id={run}&path={way}"),
            ),
        ];
        for (method, path) in places {
            let answer = tracker.file(method, &path, &[], "x");
            assert_eq!(answer.status, 400, "{method} {path}");
        }
    }
    for way in ["c:/x", "C%3A%5Cx", "file:///etc/passwd", "file%3A//x", "file%253A//x"] {
        for method in ["PUT", "GET", "DELETE"] {
            let answer = tracker.file(method, &format!("{STORE}/{way}"), &[], "x");
            assert_eq!(answer.status, 400, "{method} {way}");
        }
        assert_eq!(tracker.file("GET", &format!("{STORE}?path={way}"), &[], "").status, 400);
    }
    assert_eq!(artifacts.names(""), ["a"]);
}

#[test]
fn paths_have_limits() {
    let artifacts = Artifacts::fresh();
    assert_eq!(artifacts.put(&"x".repeat(255), "x").status, 200);
    assert_eq!(artifacts.put(&"x".repeat(256), "x").status, 400);
    assert_eq!(artifacts.put(&vec!["d"; 90].join("/"), "x").status, 200);
    assert_eq!(artifacts.put(&vec!["d"; 101].join("/"), "x").status, 400);
    assert_eq!(artifacts.put(&vec!["d".repeat(200); 6].join("/"), "x").status, 400);
}
