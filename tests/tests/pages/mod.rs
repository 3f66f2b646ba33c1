//! The pages for people: each is asked for as a browser does, and read as text.

mod audit;
mod bounds;
mod charts;
mod compare;
mod escaping;
mod every_page;
mod experiment;
mod experiment_details;
mod experiments;
mod files;
mod forms;
mod hostile;
mod html;
mod logged_models;
mod models;
mod prompts;
mod run;
mod run_changes;
mod run_files;
mod server;
mod sparklines;
mod traces;
mod trash;
mod versions;

use bytes::Bytes;
use mlforge_tests::tracker::{File, Tracker};

/// A text that runs, breaks the layout or changes the direction of what follows, if a page shows it as it is.
const HOSTILE: &str = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}x";

/// A page, as a browser gets it.
struct Page {
    status: u16,
    headers: http::HeaderMap,
    html: String,
}

impl Page {
    fn of(file: File) -> Self {
        let page = Page {
            status: file.status,
            html: file.text(),
            headers: file.headers,
        };
        let is_html = page.header("content-type").starts_with("text/html");
        if is_html && !page.html.is_empty() {
            html::check(&page.html);
        }
        page
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The page of a request that must succeed.
    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.html);
        self
    }

    /// The address to which a change leads, after the project's pages.
    #[track_caller]
    fn leads_to(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.html);
        let address = self.header("location");
        let (_, path) = address.split_once("/-/ml/").expect("a page");
        path.to_owned()
    }

    #[track_caller]
    fn shows(self, text: &str) -> Self {
        assert!(self.html.contains(text), "no {text} in {}", self.html);
        self
    }

    #[track_caller]
    fn hides(self, text: &str) -> Self {
        assert!(!self.html.contains(text), "{text} in {}", self.html);
        self
    }

    /// The form token that the page's forms carry.
    fn form_token(&self) -> String {
        let (_, after) = self.html.split_once("name=\"form_token\" value=\"").expect("a form");
        after.split('"').next().unwrap().to_owned()
    }
}

/// Reads a page of the project, from its path after `/-/ml/`.
fn page(tracker: &Tracker, path: &str) -> Page {
    page_in(tracker, path, "en")
}

fn page_in(tracker: &Tracker, path: &str, language: &str) -> Page {
    let headers = [
        ("accept", "text/html"),
        ("accept-language", language),
        ("host", "ml.test"),
    ];
    Page::of(tracker.file("GET", &format!("/-/ml/{path}"), &headers, Bytes::new()))
}

/// Posts a form of a page, with the reader's form token.
fn submit(tracker: &Tracker, path: &str, fields: &[(&str, &str)]) -> Page {
    let token = page(tracker, "experiments/new").form_token();
    let own = ("form_token", token.as_str());
    let fields = std::iter::once(&own).chain(fields);
    let encoded = |text: &str| mlforge_ui::link::encoded(text);
    let body: Vec<String> = fields
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    post(tracker, path, &body.join("&"))
}

fn post(tracker: &Tracker, path: &str, body: &str) -> Page {
    let headers = [
        ("accept", "text/html"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("host", "ml.test"),
    ];
    Page::of(tracker.file("POST", &format!("/-/ml/{path}"), &headers, body.to_owned()))
}
