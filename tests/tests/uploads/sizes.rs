//! The size limits of a file and of a project, counted over parts.

use mlforge::storage::PerProject;
use mlforge::{Limits, ProjectMaxima};
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{STORE, Uploads};

#[test]
fn the_parts_of_a_file_do_not_exceed_the_size_of_a_file_together() {
    let limits = Limits {
        file_bytes_max: 10,
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let upload = uploads.begin(2);
    uploads.send_all(&upload, &[(1, "123456")]);
    assert_eq!(uploads.send(&upload, 2, "12345").status, 413);
    uploads.send_all(&upload, &[(1, "1234567890")]);
    assert_eq!(uploads.send(&upload, 2, "1").status, 413);
    let parts = uploads.send_all(&upload, &[(1, "123456"), (2, "1234")]);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "1234561234");
}

#[test]
fn parts_count_towards_the_quota_and_can_always_be_completed() {
    let limits = Limits {
        project_maxima: PerProject::all(ProjectMaxima {
            bytes: 10,
            ..ProjectMaxima::NONE
        }),
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let (upload, other) = (uploads.begin(2), uploads.begin(1));
    let parts = uploads.send_all(&upload, &[(1, "12345"), (2, "67890")]);
    assert_eq!(uploads.send(&other, 1, "x").status, 413);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "1234567890");
    assert_eq!(uploads.send(&other, 1, "x").status, 413);
    let path = format!("{STORE}/{}/dir/a.bin", uploads.root);
    uploads.tracker.file("DELETE", &path, &[], "").ok();
    uploads.send_all(&other, &[(1, "1234567890")]);
}

#[test]
fn concurrent_parts_do_not_exceed_the_quota() {
    let limits = Limits {
        project_maxima: PerProject::all(ProjectMaxima {
            bytes: 10,
            ..ProjectMaxima::NONE
        }),
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let upload = uploads.begin(20);
    let send = &|number: usize| uploads.send(&upload, number, "1234").status;
    let kept = std::thread::scope(|scope| {
        let all: Vec<_> = (1..=20).map(|number| scope.spawn(move || send(number))).collect();
        let statuses = all.into_iter().map(|one| one.join().unwrap());
        statuses.filter(|status| *status == 200).count()
    });
    assert!(kept <= 2, "{kept}");
    assert_eq!(uploads.tracker.kept(&format!("p/{}", upload.id)).len(), kept);
}

// Each request checks the parts of the others before its own bytes come. Parts that are too large together
// are refused at the end.
#[test]
fn concurrent_parts_do_not_exceed_the_size_of_a_file() {
    let limits = Limits {
        file_bytes_max: 10,
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let upload = uploads.begin(8);
    let send = &|number: usize| {
        let sent = uploads.send(&upload, number, "1234");
        let etag = sent.headers.get("etag").map(|etag| etag.to_str().unwrap().to_owned());
        json!({"part_number": number, "etag": etag.unwrap_or_else(|| "a".repeat(64))})
    };
    let parts: Vec<Value> = std::thread::scope(|scope| {
        let all: Vec<_> = (1..=8).map(|number| scope.spawn(move || send(number))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let refused = uploads.complete(&upload, &parts).status;
    assert!([400, 413].contains(&refused), "{refused}");
    assert!(!uploads.is_there());
}
