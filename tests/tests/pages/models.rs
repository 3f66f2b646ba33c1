//! The list of models, the form that creates one, and the page of a model.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{Page, page, submit};

fn with_models(names: &[&str]) -> Tracker {
    let tracker = Tracker::fresh();
    for name in names {
        tracker.model(name);
    }
    tracker
}

/// The address of the next page, after `/-/ml/`.
pub(super) fn next(page: &Page) -> Option<String> {
    let (before, _) = page.html.split_once(">Next<")?;
    let (_, address) = before.rsplit_once("/-/ml/")?;
    let address = address.split(['"', '#']).next()?;
    Some(address.replace("&amp;", "&"))
}

/// The number of times that each text is on the pages of a list, from its first page.
fn walk(tracker: &Tracker, first: &str, texts: &[String]) -> Vec<usize> {
    let mut seen = vec![0; texts.len()];
    let mut address = Some(first.to_owned());
    let mut pages = 0;
    while let Some(here) = address {
        let page = page(tracker, &here).ok();
        for (text, seen) in texts.iter().zip(&mut seen) {
            *seen += page.html.matches(text.as_str()).count();
        }
        pages += 1;
        assert!(pages < 20, "the list of {first} has no end");
        address = next(&page);
    }
    assert!(pages > 1, "{first} has one page");
    seen
}

#[test]
fn a_project_without_models_teaches_how_to_register_one() {
    let tracker = Tracker::fresh();
    page(&tracker, "models")
        .ok()
        .shows("No model is registered yet")
        .shows("registered_model_name")
        .shows("export MLFLOW_TRACKING_URI=http://ml.test/api/v4/projects/1/ml/mlflow")
        .shows("New model");
    page(&tracker.as_reader(), "models").ok().hides("New model");
}

#[test]
fn models_are_found_by_a_part_of_their_name() {
    let tracker = with_models(&["Cat-classifier", "dogs", "it's"]);
    page(&tracker, "models?q=CLASS")
        .ok()
        .shows("Cat-classifier")
        .hides(">dogs<");
    for sort in ["name", "created", "updated"] {
        let found = page(&tracker, &format!("models?q=it%27s&sort={sort}")).ok();
        found.shows("it's").hides(">dogs<");
    }
    page(&tracker, "models?q=birds")
        .ok()
        .shows("No model matches")
        .shows("Show all");
}

#[test]
fn models_are_sorted_by_any_column_and_come_in_pages() {
    let tracker = Tracker::fresh();
    let names: Vec<String> = (0..70).map(|number| format!("m{number:02}")).collect();
    names.iter().for_each(|name| drop(tracker.model(name)));
    for number in [10, 11, 40] {
        tracker
            .delete("registered-models/delete", json!({"name": format!("m{number}")}))
            .ok();
    }
    let cells: Vec<String> = names.iter().map(|name| format!("<bdi>{name}</bdi>")).collect();
    for sort in ["name", "created", "updated"] {
        let seen = walk(&tracker, &format!("models?sort={sort}"), &cells);
        for (number, seen) in seen.into_iter().enumerate() {
            assert_eq!(seen, usize::from(![10, 11, 40].contains(&number)), "{sort} m{number}");
        }
    }
    page(&tracker, "models")
        .ok()
        .shows("aria-sort=\"ascending\"")
        .shows(">m00<")
        .hides(">m69<");
    page(&tracker, "models?sort=created")
        .ok()
        .shows("aria-sort=\"descending\"")
        .shows(">m69<")
        .hides(">m00<");
    for address in ["models?sort=created&page_token=x", "models?sort=updated&page_token=x"] {
        assert_eq!(page(&tracker, address).status, 400, "{address}");
    }
}

#[test]
fn the_list_shows_what_is_latest_and_what_is_named() {
    let tracker = with_models(&["m"]);
    for semver in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
        tracker.version("m", Some(semver));
    }
    let alias = json!({"name": "m", "alias": "champion", "version": "1"});
    tracker.post("registered-models/alias", alias).ok();
    page(&tracker, "models")
        .ok()
        .shows("models/1/versions/2\">1.10.0<")
        .shows("models/1/versions/1\" title=\"champion\"")
        .shows(">3</td>");
}

#[test]
fn a_model_is_created_by_a_form() {
    let tracker = Tracker::fresh();
    let created = submit(
        &tracker,
        "models",
        &[("name", " größe & co "), ("description", "**bold** card")],
    );
    assert_eq!(created.leads_to(), "models/1");
    page(&tracker, "models/1")
        .ok()
        .shows("größe &amp; co")
        .shows("<strong>bold</strong>")
        .shows("No version yet")
        .shows("experiments/1\"");
    let again = submit(&tracker, "models", &[("name", "größe & co"), ("description", "kept")]);
    assert_eq!(again.status, 400);
    again
        .shows("already exists")
        .shows("value=\"größe &amp; co\"")
        .shows("kept")
        .shows("aria-invalid=\"true\"");
    assert_eq!(submit(&tracker, "models", &[("name", "a/b")]).status, 400);
    assert_eq!(submit(&tracker, "models", &[]).status, 400);
}

#[test]
fn a_model_keeps_its_address_when_it_is_renamed() {
    let tracker = with_models(&["old"]);
    assert_eq!(page(&tracker, "models/by-name/old").leads_to(), "models/1");
    let renamed = submit(&tracker, "models/1/rename", &[("name", "new")]);
    assert_eq!(renamed.leads_to(), "models/1");
    page(&tracker, "models/1").ok().shows("<bdi>new</bdi>");
    assert_eq!(page(&tracker, "models/by-name/new").leads_to(), "models/1");
    assert_eq!(page(&tracker, "models/by-name/old").status, 404);
    tracker.model("taken");
    let refused = submit(&tracker, "models/1/rename", &[("name", "taken")]);
    assert_eq!(refused.status, 400);
    refused.shows("already exists").shows("value=\"taken\"");
}

#[test]
fn the_description_of_a_model_is_edited_by_a_form() {
    let tracker = with_models(&["m"]);
    let edited = submit(&tracker, "models/1/edit", &[("description", "\nA `card`.")]);
    assert_eq!(edited.leads_to(), "models/1");
    assert_eq!(tracker.read_model("m")["description"], "\nA `card`.");
    page(&tracker, "models/1/edit").ok().shows("\n\nA `card`.</textarea>");
    let long = "x".repeat(100_001);
    let refused = submit(&tracker, "models/1/edit", &[("description", &long)]);
    assert_eq!(refused.status, 400);
    refused.shows("maximum length").shows(&long);
}

#[test]
fn tags_of_a_model_are_set_and_removed() {
    let tracker = with_models(&["m"]);
    let set = submit(
        &tracker,
        "models/1/tags",
        &[("key", "team"), ("value", "https://vision.test/a")],
    );
    assert_eq!(set.leads_to(), "models/1#tags");
    page(&tracker, "models/1")
        .ok()
        .shows("href=\"https://vision.test/a\"")
        .shows("Remove team");
    for key in ["", "a//b", "mlforge.ci.id"] {
        let refused = submit(&tracker, "models/1/tags", &[("key", key), ("value", "kept value")]);
        assert_eq!(refused.status, 400, "{key}");
        refused.shows("role=\"alert\"").shows("kept value");
    }
    let removed = submit(&tracker, "models/1/tags/delete", &[("key", "team")]);
    assert_eq!(removed.leads_to(), "models/1#tags");
    page(&tracker, "models/1").ok().hides("vision.test");
}

#[test]
fn a_model_is_deleted_after_a_question() {
    let tracker = with_models(&["m"]);
    tracker.version("m", None);
    page(&tracker, "models/1/delete")
        .ok()
        .shows("Delete the model m?")
        .shows("action=\"/group/1/-/ml/models/1/delete\"");
    assert_eq!(tracker.read_model("m")["name"], "m");
    assert_eq!(submit(&tracker, "models/1/delete", &[]).leads_to(), "models");
    assert_eq!(page(&tracker, "models/1").status, 404);
    assert_eq!(page(&tracker, "models/x").status, 404);
}

#[test]
fn versions_of_a_model_are_searched_sorted_and_paged() {
    let tracker = with_models(&["m"]);
    for minor in 0..70 {
        tracker.version("m", Some(&format!("1.{minor}.0")));
    }
    for version in ["5", "69"] {
        let body = json!({"name": "m", "version": version});
        tracker.delete("model-versions/delete", body).ok();
    }
    let texts: Vec<String> = (1..=70).map(|number| format!("versions/{number}\">1.")).collect();
    // The latest version, 70, is also shown above the list and among the details.
    for sort in ["newest", "oldest", "semver"] {
        let seen = walk(&tracker, &format!("models/1?sort={sort}"), &texts);
        for (number, seen) in (1..).zip(seen).filter(|(number, _)| *number != 70) {
            assert_eq!(seen, usize::from(![5, 69].contains(&number)), "{sort} {number}");
        }
    }
    let found = page(&tracker, "models/1?q=1.1&sort=semver").ok();
    let place = |minor: u32| found.html.find(&format!(">1.{minor}.0<"));
    assert!(place(19) < place(10) && place(10) < place(1));
    assert_eq!((place(2), place(20)), (None, None));
    page(&tracker, "models/1?q=7").ok().shows("No version begins so");
}

#[test]
fn the_list_of_versions_passes_over_numbers_that_were_deleted() {
    let tracker = with_models(&["m"]);
    for _ in 0..100 {
        tracker.version("m", None);
    }
    for version in 2..=99 {
        let body = json!({"name": "m", "version": version.to_string()});
        tracker.delete("model-versions/delete", body).ok();
    }
    page(&tracker, "models/1")
        .ok()
        .shows(">1.0.0<")
        .shows(">1.0.99<")
        .hides(">Next<");
}

#[test]
fn addresses_by_name_lead_to_those_by_number() {
    let tracker = with_models(&["m", "a b%2Fc@d"]);
    tracker.version("m", Some("1.0.0"));
    tracker.version("m", Some("0.9.0"));
    let alias = json!({"name": "m", "alias": "old", "version": "2"});
    tracker.post("registered-models/alias", alias).ok();
    let name = mlforge_ui::link::encoded("a b%2Fc@d");
    assert_eq!(page(&tracker, &format!("models/by-name/{name}")).leads_to(), "models/2");
    for (version, number) in [("1", 1), ("0.9.0", 2), ("old", 2), ("latest", 1)] {
        let found = page(&tracker, &format!("models/by-name/m/versions/{version}"));
        assert_eq!(found.leads_to(), format!("models/1/versions/{number}"));
    }
    for missing in [
        "models/by-name/x",
        "models/by-name/m/versions/nobody",
        "models/by-name/m/versions/3.0.0",
    ] {
        assert_eq!(page(&tracker, missing).status, 404, "{missing}");
    }
}

#[test]
fn a_reader_of_a_model_sees_no_form_that_changes_it() {
    let tracker = with_models(&["m"]);
    tracker.version("m", None);
    let tracker = tracker.as_reader();
    for address in ["models/1", "models/1/versions/1"] {
        page(&tracker, address)
            .ok()
            .hides("method=\"post\"")
            .hides(">Edit<")
            .hides(">Delete<")
            .hides(">Upload<");
    }
    for address in [
        "models/1/edit",
        "models/1/delete",
        "models/1/versions/new",
        "models/1/versions/1/edit",
        "models/1/versions/1/upload",
        "models/1/versions/1/delete",
    ] {
        assert_eq!(page(&tracker, address).status, 403, "{address}");
    }
}
