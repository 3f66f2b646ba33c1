//! Webhooks.

use http::HeaderMap;
use serde_json::{Value, json};

use super::world::{SECRET, World};
use crate::forge::gitlab::{GitlabForge, GitlabOptions};
use crate::forge::{Event, Forge as _, ForgeAddress, Webhook, WebhookError};
use crate::storage::ProjectId;

fn send(world: &World, secret: Option<&str>, body: &Value) -> Result<Vec<Event>, WebhookError> {
    let mut headers = HeaderMap::new();
    if let Some(secret) = secret {
        headers.insert("X-Gitlab-Token", secret.parse().unwrap());
    }
    let body = body.to_string();
    world.forge.events(Webhook {
        headers: &headers,
        body: body.as_bytes(),
    })
}

#[tokio::test]
async fn hooks_tell_which_decisions_no_longer_hold() {
    let world = World::new().await;
    let project = vec![Event::Project(ProjectId(7))];
    let user = vec![Event::User("3".into())];
    let everything = vec![Event::Everything];
    let table = [
        ("project_create", &project),
        ("project_destroy", &project),
        ("project_rename", &project),
        ("project_transfer", &project),
        ("project_update", &project),
        ("user_add_to_team", &project),
        ("user_remove_from_team", &project),
        ("user_update_for_team", &project),
        ("user_add_to_group", &user),
        ("user_remove_from_group", &user),
        ("user_update_for_group", &user),
        ("user_destroy", &user),
        ("user_rename", &everything),
        ("group_rename", &everything),
        ("group_destroy", &everything),
        ("user_failed_login", &vec![]),
        ("repository_update", &vec![]),
        ("push", &vec![]),
    ];
    for (name, events) in table {
        let body = json!({"event_name": name, "project_id": 7, "user_id": 3, "project_visibility": "private"});
        assert_eq!(send(&world, Some(SECRET), &body).as_ref(), Ok(events), "{name}");
    }
    let of_code = json!({"object_kind": "pipeline", "object_attributes": {"id": 31}});
    assert_eq!(send(&world, Some(SECRET), &of_code), Ok(vec![]));
}

#[tokio::test]
async fn a_hook_without_the_secret_is_refused() {
    let world = World::new().await;
    let body = json!({"event_name": "group_rename"});
    for secret in [
        None,
        Some(""),
        Some("hook-secre"),
        Some("hook-secret2"),
        Some("HOOK-SECRET"),
    ] {
        assert_eq!(
            send(&world, secret, &body),
            Err(WebhookError::BadSignature),
            "{secret:?}"
        );
    }
    let world = World::with(|options| options.webhook_secret = None).await;
    for secret in [None, Some(""), Some(SECRET)] {
        assert_eq!(
            send(&world, secret, &body),
            Err(WebhookError::Unsupported),
            "{secret:?}"
        );
    }
}

#[tokio::test]
async fn a_hook_that_is_not_understood_is_refused() {
    let world = World::new().await;
    let bodies = [
        json!({}),
        json!([]),
        json!({"event_name": "project_rename"}),
        json!({"event_name": "project_rename", "project_id": "x"}),
        json!({"event_name": "user_destroy", "project_id": 7}),
    ];
    for body in bodies {
        let refused = send(&world, Some(SECRET), &body);
        assert!(matches!(refused, Err(WebhookError::Malformed(_))), "{body}");
    }
}

#[test]
fn an_empty_secret_is_refused_at_the_start() {
    for (secret, token) in [
        (Some(String::new()), None),
        (None, Some(String::new())),
        (None, Some("a\nb".to_owned())),
    ] {
        let options = GitlabOptions {
            address: ForgeAddress {
                url: "https://git.example.org".to_owned(),
                authorities: None,
            },
            service_token: token,
            webhook_secret: secret,
            audience: Vec::new(),
        };
        assert!(GitlabForge::new(options).is_err());
    }
}
