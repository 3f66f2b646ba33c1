//! Downloads: ranges, conditional requests, and headers.

use http::HeaderMap;

use super::Artifacts;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_part_of_a_file_is_served() {
    let artifacts = Artifacts::with_file("a", "0123456789");
    let part = artifacts.ask("GET", "a", &[("range", "bytes=2-4")]);
    assert_eq!((part.status, &part.bytes[..]), (206, &b"234"[..]));
    assert_eq!(header(&part.headers, "content-range"), "bytes 2-4/10");
    let end = artifacts.ask("GET", "a", &[("range", "bytes=-3")]);
    assert_eq!((end.status, &end.bytes[..]), (206, &b"789"[..]));
    let behind = artifacts.ask("GET", "a", &[("range", "bytes=10-")]);
    assert_eq!(
        (behind.status, header(&behind.headers, "content-range")),
        (416, "bytes */10")
    );
    let many = artifacts.ask("GET", "a", &[("range", "bytes=0-1,4-5")]);
    assert_eq!((many.status, many.bytes.len()), (200, 10));
    artifacts.put("empty", "").ok();
    assert_eq!(artifacts.ask("GET", "empty", &[("range", "bytes=0-0")]).status, 416);
}

#[test]
fn an_unchanged_file_is_not_sent_again() {
    let artifacts = Artifacts::with_file("a", "one");
    let first = artifacts.ask("GET", "a", &[]);
    let tag = header(&first.headers, "etag").to_owned();
    let again = artifacts.ask("GET", "a", &[("if-none-match", &tag)]);
    assert_eq!(
        (again.status, again.bytes.len(), header(&again.headers, "etag")),
        (304, 0, tag.as_str())
    );
    artifacts.put("a", "other").ok();
    let changed = artifacts.ask("GET", "a", &[("if-none-match", &tag)]);
    assert_eq!((changed.status, &changed.bytes[..]), (200, &b"other"[..]));
    let resumed = artifacts.ask("GET", "a", &[("range", "bytes=1-"), ("if-range", &tag)]);
    assert_eq!((resumed.status, &resumed.bytes[..]), (200, &b"other"[..]));
}

#[test]
fn the_head_of_a_file_tells_its_length() {
    let artifacts = Artifacts::with_file("a.json", "{\"a\": 1}");
    let head = artifacts.ask("HEAD", "a.json", &[]);
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(header(&head.headers, "content-length"), "8");
    assert_eq!(header(&head.headers, "content-type"), "text/plain; charset=utf-8");
}

#[test]
fn nothing_that_is_served_runs_in_a_browser() {
    let artifacts = Artifacts::fresh();
    for name in ["x.html", "x.svg", "x.xml", "x.js", "x.png", "x.txt"] {
        artifacts.put(name, "<script>alert(1)</script>").ok();
        for method in ["GET", "HEAD"] {
            let file = artifacts.ask(method, name, &[]);
            assert_eq!(header(&file.headers, "x-content-type-options"), "nosniff");
            let disposition = format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}");
            assert_eq!(header(&file.headers, "content-disposition"), disposition);
            let policy = header(&file.headers, "content-security-policy");
            assert!(policy.contains("sandbox") && policy.contains("default-src 'none'") && !policy.contains("allow"));
            let kind = header(&file.headers, "content-type");
            assert!(
                !["html", "svg", "xml", "script"].iter().any(|word| kind.contains(word)),
                "{kind}"
            );
        }
    }
}
