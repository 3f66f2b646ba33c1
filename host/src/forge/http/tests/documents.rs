//! The fields of the documents: their values, and the errors that name them.

use std::time::Duration;

use super::*;
use crate::forge::{Access, Actor, Role, Scope, Visibility};

/// The access that the adapter reads from a document.
async fn read(document: &Value) -> Result<Access, ForgeError> {
    match ask(&StandIn::answering(200, document).await).await? {
        Decision::Known(access) => Ok((*access).clone()),
        other => panic!("{other:?}"),
    }
}

/// The document with another value at this place.
fn with(place: &str, value: Value) -> Value {
    let mut document = full();
    *document.pointer_mut(place).unwrap() = value;
    document
}

/// An answer with all fields.
fn full() -> Value {
    json!({
        "project": {"id": 7, "path": "vision/cats", "visibility": "private", "url": "https://h/cats"},
        "actor": {"id": "u-12", "login": "ada", "name": "Ada Lovelace", "url": "https://h/ada"},
        "role": "developer",
        "scope": "api",
        "token_id": 481,
        "holds_for_s": 30,
        "job": {
            "id": 4242, "name": "train", "status": "running", "finished": false, "ref": "main", "commit": "c0ffee",
            "pipeline": 301, "user": "ada", "merge_request": "!12", "url": "https://h/j", "commit_url": "https://h/c",
            "pipeline_url": "https://h/p", "merge_request_url": "https://h/m",
        },
        "unknown": {"to": "mlforge"},
    })
}

#[tokio::test]
async fn every_field_arrives() {
    assert!(schema::fits("access", &full()));
    let access = read(&full()).await.unwrap();
    let actor = Actor {
        id: "u-12".into(),
        login: "ada".into(),
        name: Some("Ada Lovelace".into()),
        url: Some("https://h/ada".into()),
    };
    let job = Job {
        id: "4242".into(),
        name: "train".into(),
        status: "running".into(),
        is_finished: false,
        git_ref: Some("main".into()),
        commit: Some("c0ffee".into()),
        pipeline: Some("301".into()),
        user: Some("ada".into()),
        merge_request: Some("!12".into()),
        url: Some("https://h/j".into()),
        commit_url: Some("https://h/c".into()),
        pipeline_url: Some("https://h/p".into()),
        merge_request_url: Some("https://h/m".into()),
    };
    assert_eq!((access.actor, access.job), (actor, Some(Box::new(job))));
    let (project, _) = access.project.unwrap();
    assert_eq!((project.id, project.path.as_str()), (ProjectId(7), "vision/cats"));
    assert_eq!(project.url.as_deref(), Some("https://h/cats"));
    assert_eq!(access.token_id.as_deref(), Some("481"));
    assert_eq!(access.holds_for, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn every_role_scope_and_visibility_is_read_as_it_is_written() {
    let roles = [
        ("guest", Role::Guest),
        ("reporter", Role::Reporter),
        ("developer", Role::Developer),
        ("maintainer", Role::Maintainer),
        ("owner", Role::Owner),
    ];
    let scopes = [("api", Scope::Api), ("read_api", Scope::ReadApi)];
    let visibilities = [
        ("private", Visibility::Private),
        ("internal", Visibility::Internal),
        ("public", Visibility::Public),
    ];
    for (role_name, role) in roles {
        for (scope_name, scope) in scopes {
            for (visibility_name, visibility) in visibilities {
                let mut document = access();
                document["role"] = role_name.into();
                document["scope"] = scope_name.into();
                document["project"]["visibility"] = visibility_name.into();
                let read = read(&document).await.unwrap();
                let (project, read_role) = read.project.unwrap();
                assert_eq!((read_role, read.scope, project.visibility), (role, scope, visibility));
            }
        }
    }
}

#[tokio::test]
async fn optional_fields_may_be_absent_or_null() {
    let bare = read(&access()).await.unwrap();
    assert_eq!((&bare.token_id, &bare.job, bare.holds_for), (&None, &None, None));
    let mut document = access();
    for field in ["token_id", "holds_for_s", "job"] {
        document[field] = Value::Null;
    }
    document["project"]["url"] = Value::Null;
    document["actor"]["name"] = Value::Null;
    document["actor"]["url"] = Value::Null;
    assert!(schema::fits("access", &document));
    assert_eq!(read(&document).await.unwrap(), bare);
}

#[tokio::test]
async fn a_required_field_that_is_missing_is_named() {
    for (object, field) in [
        ("", "project"),
        ("", "actor"),
        ("", "role"),
        ("", "scope"),
        ("/project", "id"),
        ("/project", "path"),
        ("/project", "visibility"),
        ("/actor", "id"),
        ("/actor", "login"),
        ("/job", "id"),
        ("/job", "name"),
        ("/job", "status"),
        ("/job", "finished"),
    ] {
        let mut document = full();
        document
            .pointer_mut(object)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(field);
        assert!(!schema::fits("access", &document), "{object}/{field}");
        let error = read(&document).await.unwrap_err();
        let names_object = error.reason.contains(object.trim_start_matches('/'));
        assert!(names_object && error.reason.contains(&format!("`{field}`")), "{error}");
    }
}

#[tokio::test]
async fn a_field_of_another_type_or_range_is_named() {
    let long = "x".repeat(1_001);
    for (place, value) in [
        ("/project/id", json!("7")),
        ("/project/id", json!(0)),
        ("/project/id", json!(-7)),
        ("/project/id", json!(7.5)),
        ("/project/id", json!(1_u64 << 53)),
        ("/project/path", json!("")),
        ("/project/path", json!(7)),
        ("/project/path", json!(long)),
        ("/project/visibility", json!("secret")),
        ("/project/url", json!("javascript:alert(1)")),
        ("/project/url", json!("/cats")),
        ("/project/url", json!(format!("https://h/{long}{long}"))),
        ("/actor/id", json!("")),
        ("/actor/id", json!(null)),
        ("/actor/id", json!(-2)),
        ("/actor/login", json!("a\nb")),
        ("/actor/name", json!(["Ada"])),
        ("/role", json!("Developer")),
        ("/role", json!(30)),
        ("/scope", json!("sudo")),
        ("/token_id", json!(true)),
        ("/holds_for_s", json!(-1)),
        ("/holds_for_s", json!("30")),
        ("/job/finished", json!("no")),
        ("/job/ref", json!(1)),
        ("/job/url", json!("ftp://h/j")),
    ] {
        let document = with(place, value.clone());
        assert!(!schema::fits("access", &document), "{place} = {value}");
        let error = read(&document).await.unwrap_err();
        let path = place[1..].replace('/', ".");
        assert!(error.reason.contains(&path), "{place} = {value}: {error}");
    }
}
