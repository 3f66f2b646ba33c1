//! Files of a run as they are, and directories as archives. Files are hostile.

use mlforge_tests::tracker::Tracker;

use super::{put, raw};

/// The bytes with which a picture begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

#[test]
fn no_file_runs_in_a_browser() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    put(&tracker, &run, "a.png", PNG);
    put(&tracker, &run, "a.html", PNG);
    for name in ["b.html", "b.svg", "b.png", "b.js", "b.xhtml", "b.txt", "b"] {
        put(&tracker, &run, name, "<script>alert(1)</script>");
    }
    put(&tracker, &run, "b.pdf", "%PDF-1.7");
    for (name, kind, disposition) in [
        ("a.png", "image/png", "inline"),
        ("a.html", "image/png", "inline"),
        ("b.html", "text/plain; charset=utf-8", "inline"),
        ("b.js", "text/plain; charset=utf-8", "inline"),
        ("b.txt", "text/plain; charset=utf-8", "inline"),
        ("b.svg", "image/svg+xml", "attachment"),
        ("b.png", "application/octet-stream", "attachment"),
        ("b.xhtml", "application/octet-stream", "attachment"),
        ("b", "application/octet-stream", "attachment"),
        ("b.pdf", "application/pdf", "inline"),
    ] {
        let file = raw(&tracker, "GET", &format!("candidates/{run}/raw/{name}"), &[]);
        let header = |header: &str| file.headers[header].to_str().unwrap();
        assert_eq!((file.status, header("content-type")), (200, kind), "{name}");
        assert!(header("content-disposition").starts_with(disposition), "{name}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{name}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{name}");
        // A sandbox would stop the browser's own reader of documents.
        assert_eq!(policy.ends_with("sandbox"), kind != "application/pdf", "{name}");
    }
}

#[test]
fn html_is_framed_in_a_sandbox_that_stops_everything_but_its_own_pictures() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    put(&tracker, &run, "a.html", PNG);
    put(&tracker, &run, "b.html", "<script>alert(1)</script>");
    put(&tracker, &run, "large.html", vec![b' '; (4 << 20) + 1]);
    put(&tracker, &run, "b.svg", "<svg/>");
    let framed = |name: &str| raw(&tracker, "GET", &format!("candidates/{run}/raw/{name}?in=frame"), &[]);
    let text = "text/plain; charset=utf-8";
    for (name, kind) in [
        ("a.html", "image/png"),
        ("large.html", text),
        ("b.svg", "image/svg+xml"),
    ] {
        let file = framed(name);
        assert_eq!(file.headers["content-type"].to_str().unwrap(), kind, "{name}");
        let policy = file.headers["content-security-policy"].to_str().unwrap();
        assert_eq!(
            policy, "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "{name}"
        );
    }
    let page = framed("b.html");
    let header = |name: &str| page.headers[name].to_str().unwrap();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "img-src data:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox",
    ] {
        assert!(policy.split("; ").any(|part| part == rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("script-src") && !policy.contains("allow-"), "{policy}");
    // Without a frame the source is shown.
    let plain = raw(&tracker, "GET", &format!("candidates/{run}/raw/b.html"), &[]);
    assert_eq!(plain.headers["content-type"].to_str().unwrap(), text);
}

#[test]
fn a_part_of_a_file_is_sent() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    put(&tracker, &run, "dir/a b.txt", "0123456789");
    let address = format!("candidates/{run}/raw/dir/a%20b.txt");
    let part = raw(&tracker, "GET", &address, &[("range", "bytes=2-4")]);
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    let head = raw(&tracker, "HEAD", &address, &[]);
    assert_eq!(
        (head.status, head.headers["content-length"].to_str().unwrap()),
        (200, "10")
    );
    let tag = head.headers["etag"].to_str().unwrap();
    assert_eq!(raw(&tracker, "GET", &address, &[("if-none-match", tag)]).status, 304);
    assert_eq!(
        raw(&tracker, "GET", &format!("candidates/{run}/raw/dir"), &[]).status,
        400
    );
    assert_eq!(
        raw(&tracker, "GET", &format!("candidates/{run}/raw/nothing"), &[]).status,
        404
    );
}

/// The names and contents in a tar archive.
pub(in crate::pages) fn unpacked(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    while bytes[0] != 0 {
        let name = bytes[..100].split(|byte| *byte == 0).next().unwrap();
        let size = std::str::from_utf8(&bytes[124..135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        found.push((
            String::from_utf8_lossy(name).into_owned(),
            bytes[512..512 + size].to_vec(),
        ));
        bytes = &bytes[512 + size.next_multiple_of(512)..];
    }
    assert_eq!(bytes.len(), 1_024);
    found
}

#[test]
fn a_directory_is_sent_as_one_archive() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let large: Vec<u8> = (0..=255).cycle().take(700_000).collect();
    put(&tracker, &run, "model/MLmodel", "x");
    put(&tracker, &run, "model/data/large", large.clone());
    put(&tracker, &run, "model/empty", "");
    put(&tracker, &run, "other", "y");
    let archive = raw(&tracker, "GET", &format!("candidates/{run}/archive?path=model"), &[]);
    assert_eq!(
        (archive.status, &archive.headers["content-type"]),
        (200, &"application/x-tar".parse().unwrap())
    );
    let disposition = archive.headers["content-disposition"].to_str().unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"model.tar\""),
        "{disposition}"
    );
    let mut files = unpacked(&archive.bytes);
    files.sort();
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["model/MLmodel", "model/data/large", "model/empty"]);
    assert_eq!(files[0].1, b"x");
    assert!(files[1].1 == large);
    let all = raw(&tracker, "GET", &format!("candidates/{run}/archive"), &[]);
    assert_eq!(unpacked(&all.bytes).len(), 4);
}

#[test]
fn an_archive_of_nothing_is_not_found() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for path in ["archive", "archive?path=x"] {
        assert_eq!(
            raw(&tracker, "GET", &format!("candidates/{run}/{path}"), &[]).status,
            404,
            "{path}"
        );
    }
    assert_eq!(raw(&tracker, "GET", "candidates/x/archive", &[]).status, 404);
}
