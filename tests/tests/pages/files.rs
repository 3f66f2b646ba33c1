//! The files of versions and of logged models, which pages show as they show those of runs.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::page;
use super::run::files::unpacked;
use super::run::{put_at, raw};

/// Something with files.
struct Owner {
    tracker: Tracker,
    /// The address of its page.
    page: String,
    /// The place of its files in the artifact store.
    root: String,
    /// The name of an archive of all.
    archive: String,
    /// The lines that load a file `model/a.txt` of it.
    load: String,
}

impl Owner {
    fn put(&self, path: &str, contents: &'static str) {
        put_at(&self.tracker, &self.root, path, contents);
    }
}

fn version() -> Owner {
    let tracker = Tracker::fresh();
    tracker.model("m");
    tracker.version("m", Some("1.4.0"));
    let root = tracker.read_version("m", "1")["source"].as_str().unwrap().to_owned();
    Owner {
        tracker,
        page: "models/1/versions/1".to_owned(),
        root: root.strip_prefix("mlflow-artifacts:/").unwrap().to_owned(),
        archive: "m-1.4.0".to_owned(),
        load: "download_artifacts(&quot;models:/m/1.4.0/model/a.txt&quot;)".to_owned(),
    }
}

fn logged_model() -> Owner {
    let tracker = Tracker::fresh();
    let made = tracker.post("logged-models", json!({"experiment_id": "0", "name": "net"}));
    let id = made.ok()["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    Owner {
        tracker,
        page: format!("logged-models/{id}"),
        root: format!("0/models/{id}/artifacts"),
        load: format!("download_artifacts(&quot;models:/{id}&quot;)"),
        archive: id,
    }
}

#[test]
fn a_file_in_the_tree_opens_with_its_preview() {
    for owner in [version(), logged_model()] {
        let (tracker, address) = (&owner.tracker, &owner.page);
        page(tracker, address).ok().shows("No files here");
        page(tracker, &format!("{address}/artifacts"))
            .ok()
            .shows("No files here");
        owner.put("MLmodel", "flavors:\n  sklearn:\n    y: 1\n");
        owner.put("model/a.txt", "plain <b>");
        owner.put("a.csv", "x,y\n1,2\n");
        owner.put("a.html", "<b>bold</b>");
        owner.put("a.png", "not really");
        let files = format!("{address}/artifacts");
        page(tracker, address)
            .ok()
            .shows(&format!("/-/ml/{files}?path=model\""))
            .shows(&format!("/-/ml/{files}?path=a.csv\""))
            .shows(&format!("/-/ml/{address}/archive\""));
        page(tracker, &files)
            .ok()
            .shows("a.csv")
            .hides("a.txt")
            .hides("promote?path");
        let shown = |path: &str| page(tracker, &format!("{files}?path={path}")).ok();
        shown("MLmodel")
            .shows(">sklearn<")
            .shows("mlflow.pyfunc.load_model(&quot;models:/");
        shown("model/a.txt")
            .shows("plain &lt;b&gt;")
            .shows(&format!("/-/ml/{address}/raw/model/a.txt\""))
            .shows(&format!("/-/ml/{address}/archive?path=model\""))
            .shows(&owner.load);
        shown("a.csv").shows("<bdi>y</bdi></th>");
        shown("a.html").shows("/raw/a.html?in=frame\" title=\"a.html\" sandbox=\"\"");
        shown("a.png").shows(&format!("/-/ml/{address}/raw/a.png\" alt"));
        assert_eq!(page(tracker, &format!("{files}?path=nothing")).status, 404);
        assert_eq!(page(tracker, &format!("{files}?path=../x")).status, 400);
    }
}

#[test]
fn a_large_directory_is_short_on_the_page_of_its_owner() {
    for owner in [version(), logged_model()] {
        for number in 0..205 {
            owner.put(&format!("f{number:03}"), "x");
        }
        page(&owner.tracker, &owner.page).ok().shows("f019").hides("f020");
        let files = format!("{}/artifacts", owner.page);
        page(&owner.tracker, &files).ok().shows("f199").hides("f200");
        page(&owner.tracker, &format!("{files}?after=f199"))
            .ok()
            .shows("f204")
            .hides("f199<");
    }
}

#[test]
fn a_file_is_sent_with_the_headers_that_stop_what_it_runs() {
    for owner in [version(), logged_model()] {
        owner.put("a/b c.html", "<script>alert(1)</script>");
        owner.put("a/b.svg", "<svg/>");
        let address = |name: &str| format!("{}/raw/a/{name}", owner.page);
        let get = |name: &str| raw(&owner.tracker, "GET", &address(name), &[]);
        let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
        for (name, kind, disposition) in [
            ("b%20c.html", "text/plain; charset=utf-8", "inline"),
            ("b.svg", "image/svg+xml", "attachment"),
        ] {
            let file = get(name);
            let header = |header: &str| file.headers[header].to_str().unwrap();
            assert_eq!((file.status, header("content-type")), (200, kind));
            assert_eq!(header("content-security-policy"), policy);
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert!(header("content-disposition").starts_with(disposition));
        }
        let framed = get("b%20c.html?in=frame");
        assert_eq!(framed.headers["content-type"], "text/html; charset=utf-8");
        let policy = framed.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.ends_with("; sandbox") && policy.contains("form-action 'none'"),
            "{policy}"
        );
        let part = raw(&owner.tracker, "GET", &address("b.svg"), &[("range", "bytes=1-3")]);
        assert_eq!((part.status, part.text().as_str()), (206, "svg"));
        let head = raw(&owner.tracker, "HEAD", &address("b.svg"), &[]);
        assert_eq!(
            (head.status, head.headers["content-length"].to_str().unwrap()),
            (200, "6")
        );
        assert_eq!(get("nothing").status, 404);
    }
}

#[test]
fn a_directory_is_sent_as_an_archive() {
    for owner in [version(), logged_model()] {
        let get = |path: &str| raw(&owner.tracker, "GET", &format!("{}/archive{path}", owner.page), &[]);
        assert_eq!(get("").status, 404);
        owner.put("model/a.txt", "1");
        owner.put("b", "22");
        let names = |path: &str| {
            let files = unpacked(&get(path).bytes);
            let mut names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
            names.sort();
            names
        };
        let all = ["b", "model/a.txt"].map(|name| format!("{}/{name}", owner.archive));
        assert_eq!(names(""), all);
        assert_eq!(names("?path=model"), ["model/a.txt"]);
    }
}

#[test]
fn the_files_of_what_does_not_exist_are_not_found() {
    let owner = logged_model();
    owner.put("a", "1");
    let deleted = owner.tracker.delete(&owner.page, json!({}));
    deleted.ok();
    for below in ["artifacts", "raw/a", "archive"] {
        assert_eq!(
            page(&owner.tracker, &format!("{}/{below}", owner.page)).status,
            404,
            "{below}"
        );
        assert_eq!(
            page(&owner.tracker, &format!("models/1/versions/1/{below}")).status,
            404,
            "{below}"
        );
    }
}
