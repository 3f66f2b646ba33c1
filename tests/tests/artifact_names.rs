//! Names of artifacts: the names under which files are stored, listed and read again, and the refused names.

use mlforge_tests::tracker::{File, Tracker};
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";
const TIME: &str = "1795370748804";

/// A project with one run.
struct Run {
    tracker: Tracker,
    id: String,
    /// The root of the run's artifacts in the store.
    root: String,
}

impl Run {
    fn fresh() -> Self {
        let tracker = Tracker::fresh();
        let id = tracker.run("0", 1);
        let root = format!("0/{id}/artifacts");
        Run { tracker, id, root }
    }

    fn ask(&self, method: &str, name: &str) -> File {
        let path = format!("{STORE}/{}/{}", self.root, address(name));
        self.tracker.file(method, &path, &[], name.to_owned())
    }

    /// The paths of all files below a directory of the run, found as a client finds them.
    fn all(&self, directory: &str) -> Vec<String> {
        let below = match directory {
            "" => String::new(),
            directory => format!("{directory}/"),
        };
        let listing = format!("{STORE}?path={}/{}", self.root, query(directory));
        let listing = self.tracker.send("GET", &listing, "").ok();
        let files = listing["files"].as_array().cloned().unwrap_or_default();
        let path = |file: &Value| below.clone() + file["path"].as_str().unwrap();
        let found = files.iter().map(|file| match file["is_dir"].as_bool().unwrap() {
            true => self.all(&path(file)),
            false => vec![path(file)],
        });
        found.flatten().collect()
    }
}

/// A path as MLflow's clients write it in an address. If any percent sign begins no escape, all percent signs
/// are encoded.
fn address(path: &str) -> String {
    let is_escape = |rest: &str| rest.len() > 1 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    let is_encoded = path.split('%').skip(1).all(is_escape);
    let encode = |byte| match byte {
        b'%' if is_encoded => "%".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}

/// A path as it is written in a query.
fn query(path: &str) -> String {
    path.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn image(step: u32, separator: &str) -> String {
    format!("images/k%step%{step}%timestamp%{TIME}%g7f.png").replace('%', separator)
}

#[test]
fn a_name_is_stored_as_clients_request_it() {
    let run = Run::fresh();
    let names = [
        ("acc 95%20of 100%.txt", "acc 95 of 100%.txt"),
        ("50%25 off%.txt", "50% off%.txt"),
        ("bs%5Cx%zz.txt", "bs\\x%zz.txt"),
        ("dir%2Fx%zz", "dir/x%zz"),
        ("99%99%zz", "99\u{fffd}%zz"),
        ("Loss: train.png", "loss: train.png"),
        ("100% done/model/MLmodel", "100% done/model/MLmodel"),
    ];
    for (name, _) in names {
        run.ask("PUT", name).ok();
    }
    let mut kept = names.map(|(_, kept)| kept.to_owned());
    kept.sort_unstable();
    let mut listed = run.all("");
    listed.sort_unstable();
    assert_eq!(listed, kept);
    for (name, kept) in names {
        for asked in [name, kept] {
            assert_eq!(run.ask("GET", asked).ok(), name);
            let by_run = format!("/get-artifact?run_id={}&path={}", run.id, query(asked));
            assert_eq!(run.tracker.file("GET", &by_run, &[], "").ok(), name);
        }
        run.ask("DELETE", kept).ok();
    }
    assert_eq!(run.all(""), [""; 0]);
}

// mlflow/mlflow#21085
#[test]
fn an_image_of_any_step_is_listed_and_read() {
    let run = Run::fresh();
    let steps = [
        0, 5, 9, 10, 19, 20, 23, 25, 41, 80, 99, 100, 199, 200, 230, 255, 2047, 2300, 2541,
    ];
    for step in steps {
        run.ask("PUT", &image(step, "%")).ok();
    }
    let kept = |step| match step {
        0..20 | 100..200 => image(step, "%"),
        _ => image(step, "+"),
    };
    let mut listed = run.all("images");
    assert_eq!(listed.len(), steps.len());
    for step in steps {
        for asked in [kept(step), image(step, "%")] {
            assert_eq!(run.ask("GET", &asked).ok(), image(step, "%"));
        }
        listed.retain(|path| *path != kept(step));
    }
    assert_eq!(listed, [""; 0]);
}

#[test]
fn names_that_no_client_could_read_are_refused() {
    let run = Run::fresh();
    for name in [
        "h%23x%zz",
        "q%3Fx%zz",
        " a",
        "a/ b",
        "a;",
        "http:x",
        "dir/file:x",
        "D:x",
        "a\\..\\b",
        "\\a",
        "a\nb",
    ] {
        let refused = run.ask("PUT", name);
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (400, "INVALID_PARAMETER_VALUE"),
            "{name}"
        );
        assert!(refused.text().contains("Invalid path"), "{}", refused.text());
    }
    // Clients do not encode a question mark, so the rest of the name arrives as a query.
    for method in ["PUT", "DELETE"] {
        let cut = format!("{STORE}/{}/what?.txt", run.root);
        assert_eq!(run.tracker.file(method, &cut, &[], "x").status, 400);
    }
    let deep = format!("a%{}41", "25".repeat(20));
    assert!(run.ask("PUT", &deep).text().contains("more than 10 times"));
    assert_eq!(run.all(""), [""; 0]);
}

// mlflow-export-import downloads a run like this.
#[test]
fn a_dot_segment_in_a_path_to_read_is_ignored() {
    let run = Run::fresh();
    for name in ["a.txt", "sub/b.txt"] {
        run.ask("PUT", name).ok();
    }
    for dot in [".", "./", "./.", "%2E"] {
        let listing = format!("{STORE}?path={}/{dot}", run.root);
        let files = run.tracker.send("GET", &listing, "").ok()["files"].take();
        assert_eq!(files.as_array().unwrap().len(), 2, "{dot}");
    }
    let listed = |path: &str| {
        let listed = run
            .tracker
            .get(&format!("artifacts/list?run_id={}&path={path}", run.id));
        listed.ok()["files"].take()
    };
    assert_eq!(
        listed("./sub/"),
        json!([{"path": "sub/b.txt", "is_dir": false, "file_size": 9}])
    );
    assert_eq!(listed(".").as_array().unwrap().len(), 2);
    assert_eq!(run.ask("GET", "./sub/./b.txt").ok(), "sub/b.txt");
    let by_run = format!("/get-artifact?run_id={}&path=./a.txt", run.id);
    assert_eq!(run.tracker.file("GET", &by_run, &[], "").ok(), "a.txt");
    for method in ["PUT", "DELETE"] {
        assert_eq!(run.ask(method, "./a.txt").status, 400);
        assert_eq!(run.ask(method, ".").status, 400);
    }
    assert_eq!(run.all("").len(), 2);
}

// Earlier versions decoded a path once.
#[test]
fn files_of_earlier_versions_are_listed_under_readable_names() {
    let run = Run::fresh();
    let names = [
        (image(20, "%"), image(20, "+")),
        (image(23, "%"), image(23, "+")),
        (image(10, "%"), image(10, "%")),
        ("acc 95%20of 100%.txt".to_owned(), "acc 95+20of 100+.txt".to_owned()),
        ("h%23x%zz/a%2520b".to_owned(), "h+23x+zz/a+2520b".to_owned()),
        ("Loss: a".to_owned(), "Loss+ a".to_owned()),
        ("plain+".to_owned(), "plain+".to_owned()),
    ];
    for (before, _) in &names {
        run.tracker.put_file(&format!("a/{}/{before}", run.root), "old");
    }
    let mut expected: Vec<&str> = names.iter().map(|(_, listed)| listed.as_str()).collect();
    let mut listed = run.all("");
    expected.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    for (before, listed) in &names {
        let encoded = before.replace('%', "%25");
        if before.contains("%23x") {
            assert_eq!(run.ask("GET", listed).ok(), "old");
            assert_eq!(run.ask("GET", &encoded).status, 400);
            continue;
        }
        for (asked, named) in [(listed, listed), (&encoded, before)] {
            assert_eq!(run.ask("GET", asked).ok(), "old", "{asked}");
            assert_eq!(run.ask("HEAD", asked).status, 200);
            let by_run = format!("/get-artifact?run_id={}&path={}", run.id, query(named));
            assert_eq!(run.tracker.file("GET", &by_run, &[], "").status, 200);
        }
    }
    assert_eq!(run.ask("GET", "h+23x+zz").status, 400);
    assert_eq!(run.ask("GET", "h+23x+z").status, 404);
    run.ask("DELETE", "h+23x+zz").ok();
    run.ask("DELETE", &image(23, "+")).ok();
    assert_eq!(run.all("").len(), names.len() - 2);
    // A new upload does not hide the older file.
    run.ask("PUT", "acc 95%20of 100%.txt").ok();
    assert_eq!(run.ask("GET", "acc 95 of 100%.txt").ok(), "acc 95%20of 100%.txt");
    assert_eq!(run.ask("GET", "acc 95+20of 100+.txt").ok(), "old");
}

#[test]
fn a_location_in_the_own_store_accepts_artifacts() {
    let tracker = Tracker::fresh();
    let create = |location: &str| {
        let body = json!({"name": &location[..20], "artifact_location": location});
        tracker.post("experiments/create", body)
    };
    for location in [
        "mlflow-artifacts:/Team A/50% of",
        "mlflow-artifacts:/x%20y",
        "MLFLOW-ARTIFACTS:/./z/",
    ] {
        let experiment = create(location).ok()["experiment_id"].take();
        let id = tracker.run(experiment.as_str().unwrap(), 1);
        let uri = tracker.read(&id)["info"]["artifact_uri"].take();
        let (_, path) = uri.as_str().unwrap().split_once(":/").unwrap();
        let file = format!("{STORE}/{}/a", address(&path.replace("./", "")));
        tracker.file("PUT", &file, &[], "x").ok();
        let by_run = format!("/get-artifact?run_id={id}&path=a");
        assert_eq!(tracker.file("GET", &by_run, &[], "").ok(), "x");
    }
    let long = format!("mlflow-artifacts:/{}", ["x"; 251].join("/"));
    for location in [
        "mlflow-artifacts:/a//b",
        "mlflow-artifacts:/C:/x",
        "mlflow-artifacts:/a%23b",
        &long,
    ] {
        let message = create(location).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains("artifact_location"), "{message}");
    }
    create("mlflow-artifacts://elsewhere//x").ok();
}
