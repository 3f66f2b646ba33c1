//! The size limits of a file, and of all files of a project.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use mlforge::storage::PerProject;
use mlforge::{Limits, ProjectMaxima};

use super::{Files, PIECE, Pieces, Step, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_file_over_the_limit_is_refused_unread() {
    let files = Files::with(Limits {
        file_bytes_max: 3 * PIECE as u64,
        body_bytes_max: 100,
        ..Limits::default()
    })
    .await;
    let body = Pieces::new(4);
    let taken = Arc::clone(&body.taken);
    let announced = files.file("PUT", "a").header("content-length", 4 * PIECE);
    let announced = announced.header("expect", "100-continue").body(body).unwrap();
    let refused = files.host.handle(announced).await;
    assert_eq!(refused.status(), 413);
    assert!(text(refused).await.contains("at most 196608 bytes"));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_over_the_limit_is_refused() {
    let files = Files::with(Limits {
        file_bytes_max: 3 * PIECE as u64,
        ..Limits::default()
    })
    .await;
    assert_eq!(files.put("a", Pieces::new(3)).await.status(), 200);
    assert_eq!(files.put("a", Pieces::new(4)).await.status(), 413);
    assert_eq!(text(files.get("a").await).await.len(), 3 * PIECE);
    files.until_nothing_is_staged().await;
}

fn of_three_pieces() -> Limits {
    Limits {
        project_maxima: PerProject::all(ProjectMaxima {
            bytes: 3 * PIECE as u64,
            ..ProjectMaxima::NONE
        }),
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_file_over_the_quota_is_refused_unread() {
    let files = Files::with(of_three_pieces()).await;
    assert_eq!(files.put("a", Pieces::new(2)).await.status(), 200);
    let body = Pieces::new(2);
    let taken = Arc::clone(&body.taken);
    let announced = files.file("PUT", "b").header("content-length", 2 * PIECE);
    let announced = announced.header("expect", "100-continue").body(body).unwrap();
    let refused = files.host.handle(announced).await;
    assert_eq!(refused.status(), 413);
    assert!(text(refused).await.contains("the project keeps at most 196608 bytes"));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    assert_eq!(files.get("b").await.status(), 404);
    assert_eq!(files.put("b", Pieces::new(1)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_refused_as_soon_as_it_exceeds_the_quota() {
    let files = Files::with(of_three_pieces()).await;
    files.put("a", Pieces::new(2)).await;
    // The body stalls at its end, so an answer shows that it is not read to the end.
    let refused = files.put("b", Pieces::ending(2, Some(Step::Stall))).await;
    assert_eq!(refused.status(), 413);
    assert!(text(refused).await.contains("the project keeps at most 196608 bytes"));
    assert_eq!(files.get("b").await.status(), 404);
    files.until_nothing_is_staged().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_frees_its_quota() {
    let files = Files::with(of_three_pieces()).await;
    assert_eq!(files.put("d/a", Pieces::new(1)).await.status(), 200);
    assert_eq!(files.put("d/b", Pieces::new(2)).await.status(), 200);
    assert_eq!(files.put("e", Pieces::new(1)).await.status(), 413);
    for (gone, room) in [("d/a", 1), ("d", 2), ("e", 3)] {
        let body = http_body_util::Empty::<Bytes>::new();
        let deleted = files.host.handle(files.file("DELETE", gone).body(body).unwrap()).await;
        assert_eq!(deleted.status(), 200);
        assert_eq!(files.put("e", Pieces::new(room)).await.status(), 200, "{gone}");
    }
}

/// The bytes of all files below a directory.
fn bytes_below(directory: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => bytes_below(&entry.path()),
        false => entry.metadata().unwrap().len(),
    });
    sizes.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uploads_do_not_exceed_the_quota() {
    // Bodies of the second prefix are collected in memory.
    for prefix in ["/api/2.0/mlflow-artifacts", "/mlflow-artifacts"] {
        let files = Arc::new(Files::with(of_three_pieces()).await);
        let uploads: Vec<_> = (0..24)
            .map(|number| {
                let files = Arc::clone(&files);
                tokio::spawn(async move {
                    let path = format!("{prefix}/artifacts/0/{}/artifacts/{number}", files.run);
                    let put = files.request("PUT", &path).body(Pieces::new(2)).unwrap();
                    files.host.handle(put).await.status().as_u16()
                })
            })
            .collect();
        let mut kept = 0;
        for upload in uploads {
            match upload.await.unwrap() {
                200 => kept += 2 * PIECE as u64,
                status => assert_eq!(status, 413, "{prefix}"),
            }
        }
        let stored = bytes_below(&files.directory.path().join("projects"));
        assert!(stored == kept && kept <= 3 * PIECE as u64, "{prefix}: {kept} {stored}");
        // Refused uploads have released their room.
        let left = 3 - usize::try_from(kept).unwrap() / PIECE;
        assert_eq!(files.put("rest", Pieces::new(left)).await.status(), 200, "{prefix}");
        assert_eq!(files.put("more", Pieces::new(1)).await.status(), 413, "{prefix}");
    }
}
