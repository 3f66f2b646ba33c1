//! The adapter against a forge under the test's control.

mod documents;
mod faults;
mod protocol;
mod schema;
mod stand_in;
mod webhooks;

use serde_json::{Value, json};

use self::stand_in::{Reply, StandIn, header, whole};
use super::{HttpForge, HttpOptions};
use crate::forge::{Credential, Decision, Forge as _, ForgeAddress, ForgeError, Job, JobRef, ProjectRef};
use crate::storage::ProjectId;

/// The answer for a developer of project 7, with the required fields only.
fn access() -> Value {
    json!({
        "project": {"id": 7, "path": "vision/cats", "visibility": "private"},
        "actor": {"id": 12, "login": "ada"},
        "role": "developer",
        "scope": "api",
    })
}

fn token() -> Credential {
    Credential::Bearer("secret".into())
}

/// Asks about project 7.
async fn ask(stand_in: &StandIn) -> Result<Decision, ForgeError> {
    let forge = stand_in.forge(HttpOptions::default());
    forge.resolve(&ProjectRef::Id(7), &token()).await
}

#[tokio::test]
async fn each_status_has_one_meaning() {
    let known = ask(&StandIn::answering(200, access()).await).await;
    assert!(matches!(known, Ok(Decision::Known(_))), "{known:?}");
    let unauthenticated = ask(&StandIn::answering(401, "a page").await).await;
    assert_eq!(unauthenticated, Ok(Decision::Unauthenticated));
    let hidden = ask(&StandIn::answering(404, "").await).await;
    assert_eq!(hidden, Ok(Decision::ProjectNotFound));
    for (document, required) in [
        (r#"{"required": "api"}"#, "api"),
        (r#"{"required": 7}"#, "read_api"),
        ("{}", "read_api"),
        ("a page", "read_api"),
    ] {
        let refused = ask(&StandIn::answering(403, document).await).await;
        let required = required.to_owned();
        assert_eq!(refused, Ok(Decision::InsufficientScope { required }), "{document}");
    }
}

#[tokio::test]
async fn a_credential_is_passed_on_in_its_own_header_and_alone() {
    let stand_in = StandIn::answering(401, "").await;
    let forge = stand_in.forge(HttpOptions {
        session_cookie: Some("session".into()),
        service_token: Some("service".into()),
        ..HttpOptions::default()
    });
    let basic = Credential::Basic {
        user: "ada".into(),
        password: "ada-secret".into(),
    };
    let cases = [
        (token(), "authorization", "Bearer secret"),
        (Credential::PrivateToken("p".into()), "private-token", "p"),
        (Credential::JobToken("j".into()), "job-token", "j"),
        (basic, "authorization", "Basic YWRhOmFkYS1zZWNyZXQ="),
        (Credential::Cookie("c=1".into()), "cookie", "session=c=1"),
    ];
    for (credential, name, value) in cases {
        forge.resolve(&ProjectRef::Id(7), &credential).await.unwrap();
        let request = stand_in.requests().pop().unwrap();
        let passed = ["authorization", "private-token", "job-token", "cookie"].map(|name| header(&request, name));
        assert_eq!(header(&request, name), Some(value));
        assert_eq!(passed.iter().flatten().count(), 1, "{request}");
    }
}

#[tokio::test]
async fn a_credential_that_no_header_holds_is_unknown_without_a_request() {
    let stand_in = StandIn::answering(200, access()).await;
    let forge = stand_in.forge(HttpOptions::default());
    for credential in [Credential::Bearer("a\nb".into()), Credential::Cookie("c".into())] {
        let decision = forge.resolve(&ProjectRef::Id(7), &credential).await;
        assert_eq!(decision, Ok(Decision::Unauthenticated));
    }
    assert!(stand_in.requests().is_empty());
}

#[tokio::test]
async fn a_project_is_named_by_number_or_encoded_path_and_a_path_may_be_a_former_one() {
    let stand_in = StandIn::answering(200, access()).await;
    let forge = stand_in.forge(HttpOptions::default());
    for (project, line) in [
        (ProjectRef::Id(7), "GET /mlforge/authorize?project=7 HTTP/1.1"),
        (
            ProjectRef::Path("old/a b&role=owner".into()),
            "GET /mlforge/authorize?project=old%2Fa+b%26role%3Downer HTTP/1.1",
        ),
    ] {
        let decision = forge.resolve(&project, &token()).await.unwrap();
        let Decision::Known(access) = decision else {
            panic!("{decision:?}")
        };
        assert_eq!(access.project.as_ref().unwrap().0.path, "vision/cats");
        assert_eq!(stand_in.requests().pop().unwrap().lines().next(), Some(line));
    }
}

#[tokio::test]
async fn the_answer_about_another_number_is_not_understood() {
    let forge = StandIn::answering(200, access()).await.forge(HttpOptions::default());
    let error = forge.resolve(&ProjectRef::Id(8), &token()).await.unwrap_err();
    assert!(error.reason.contains("project.id"), "{error}");
}

/// Asks for a job of project 7.
async fn job(forge: &HttpForge, job: JobRef, credential: Option<&Credential>) -> Result<Option<Job>, ForgeError> {
    forge.job(ProjectId(7), &job, credential).await
}

#[tokio::test]
async fn a_job_is_asked_for_with_the_service_token_or_else_as_the_caller() {
    let stand_in = StandIn::answering(404, "").await;
    let (as_service, as_caller) = (
        stand_in.forge(HttpOptions {
            service_token: Some("service".into()),
            ..HttpOptions::default()
        }),
        stand_in.forge(HttpOptions::default()),
    );
    let of_run = JobRef::OfRun {
        run: "3/1".into(),
        job: Some("train".into()),
    };
    let whole_run = JobRef::OfRun {
        run: "3".into(),
        job: None,
    };
    // A client chooses these texts: none leads out of the URL of jobs.
    for (reference, query) in [
        (JobRef::Id("../..".into()), "id=..%2F.."),
        (JobRef::Id("4&project=8".into()), "id=4%26project%3D8"),
        (of_run, "run=3%2F1&job=train"),
        (whole_run, "run=3"),
    ] {
        assert_eq!(job(&as_service, reference.clone(), Some(&token())).await, Ok(None));
        let request = stand_in.requests().pop().unwrap();
        let line = format!("GET /mlforge/authorize/jobs?project=7&{query} HTTP/1.1");
        assert_eq!(request.lines().next(), Some(line.as_str()));
        assert_eq!(header(&request, "authorization"), Some("Bearer service"));
        assert_eq!(job(&as_caller, reference, Some(&token())).await, Ok(None));
        let request = stand_in.requests().pop().unwrap();
        assert_eq!(header(&request, "authorization"), Some("Bearer secret"));
    }
    let count = stand_in.requests().len();
    assert_eq!(job(&as_caller, JobRef::Id("1".into()), None).await, Ok(None));
    assert_eq!(stand_in.requests().len(), count);
}

#[tokio::test]
async fn a_job_of_another_project_is_unknown() {
    let document =
        |project| json!({"project": project, "job": {"id": 1, "name": "n", "status": "s", "finished": true}});
    for (project, is_found) in [(7, true), (8, false)] {
        let stand_in = StandIn::answering(200, document(project)).await;
        let found = job(
            &stand_in.forge(HttpOptions::default()),
            JobRef::Id("1".into()),
            Some(&token()),
        )
        .await;
        assert_eq!(found.unwrap().is_some(), is_found);
    }
}

#[tokio::test]
async fn a_refused_look_up_of_a_job_is_an_error_and_not_an_unknown_job() {
    for status in [401, 403, 500] {
        let stand_in = StandIn::answering(status, "").await;
        let forge = stand_in.forge(HttpOptions::default());
        assert!(
            job(&forge, JobRef::Id("1".into()), Some(&token())).await.is_err(),
            "{status}"
        );
    }
}

#[tokio::test]
async fn the_probe_expects_that_a_request_without_a_credential_is_refused() {
    for (status, is_well) in [(401, true), (200, false), (404, false), (403, false), (500, false)] {
        let stand_in = StandIn::answering(status, access()).await;
        let probed = stand_in.forge(HttpOptions::default()).probe().await;
        assert_eq!(probed.is_ok(), is_well, "{status}");
        let request = stand_in.requests().pop().unwrap();
        assert_eq!(header(&request, "authorization"), None);
    }
}

#[test]
fn options_that_cannot_work_are_refused() {
    let address = || ForgeAddress {
        url: "https://forge.example.org/authorize".into(),
        authorities: None,
    };
    let new = |options: HttpOptions| {
        HttpForge::new(HttpOptions {
            address: address(),
            ..options
        })
    };
    let forge = new(HttpOptions {
        session_cookie: Some("__Host-session".into()),
        ..HttpOptions::default()
    });
    assert_eq!(forge.unwrap().session_cookie(), Some("__Host-session"));
    for bad in ["", "a b", "a=b", "a;b"] {
        let session_cookie = Some(bad.to_owned());
        let options = HttpOptions {
            session_cookie,
            ..HttpOptions::default()
        };
        assert!(new(options).is_err(), "{bad}");
    }
    let service_token = Some("a\nb".to_owned());
    assert!(
        new(HttpOptions {
            service_token,
            ..HttpOptions::default()
        })
        .is_err()
    );
    let webhook_secret = Some(String::new());
    assert!(
        new(HttpOptions {
            webhook_secret,
            ..HttpOptions::default()
        })
        .is_err()
    );
    assert!(HttpForge::new(HttpOptions::default()).is_err());
}
