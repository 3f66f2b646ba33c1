//! The cache of the forge's decisions: how long they hold, and how many calls the forge gets.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mlforge::forge::{
    Access, Actor, Credential, Decision, Event, Forge, ForgeError, Project, ProjectRef, Role, Scope, Visibility,
    Webhook, WebhookError,
};
use mlforge::storage::ProjectId;
use mlforge_tests::{Answer, Caller, GuestHost};
use tokio::sync::Semaphore;

/// A forge whose next answers a test sets. A token is the login of its user.
struct ScriptedForge {
    calls: AtomicUsize,
    role: Mutex<Role>,
    /// Answers that come before all others.
    script: Mutex<VecDeque<Result<Decision, ForgeError>>>,
    /// How long answers hold. `None`: as long as the cache allows.
    holds_for: Mutex<Option<Duration>>,
    /// Permits for calls, when calls are to wait.
    gate: Semaphore,
}

#[async_trait]
impl Forge for ScriptedForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.expect("an open gate").forget();
        if let Some(answer) = self.script.lock().unwrap().pop_front() {
            return answer;
        }
        let login = credential.token().unwrap_or_default();
        let project = match project {
            ProjectRef::Id(id @ 1..=2) => Project::new(ProjectId(*id), format!("group/{id}"), Visibility::Private),
            _ => return Ok(Access::new(Actor::new(login, login), Scope::Api, None).into()),
        };
        let role = *self.role.lock().unwrap();
        Ok(Access {
            holds_for: *self.holds_for.lock().unwrap(),
            ..Access::new(Actor::new(login, login), Scope::Api, Some((project, role)))
        }
        .into())
    }

    fn events(&self, webhook: Webhook<'_>) -> Result<Vec<Event>, WebhookError> {
        Ok(match webhook.body {
            b"all" => vec![Event::Everything],
            b"ada" => vec![Event::User("ada".into())],
            b"1" => vec![Event::Project(ProjectId(1))],
            b"forged" => return Err(WebhookError::BadSignature),
            _ => return Err(WebhookError::Malformed("it is neither".into())),
        })
    }
}

struct World {
    guest: GuestHost,
    forge: Arc<ScriptedForge>,
    now_s: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let forge = Arc::new(ScriptedForge {
            calls: AtomicUsize::new(0),
            role: Mutex::new(Role::Developer),
            script: Mutex::default(),
            holds_for: Mutex::default(),
            gate: Semaphore::new(1_000),
        });
        let now_s = Arc::new(AtomicU64::new(1_700_000_000));
        let guest = GuestHost::with(|builder| {
            let now_s = Arc::clone(&now_s);
            builder
                .forge(Arc::<ScriptedForge>::clone(&forge))
                .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(now_s.load(Ordering::SeqCst)))
        });
        Self { guest, forge, now_s }
    }

    fn caller(&self, token: &str, project: &str) -> Caller {
        self.guest.caller(token, project)
    }

    async fn read(&self, token: &str, project: &str) -> Answer {
        self.caller(token, project).get("/hello").await
    }

    async fn write(&self) -> u16 {
        self.caller("ada", "1").post("/write", "").await.status
    }

    fn pass(&self, seconds: u64) {
        self.now_s.fetch_add(seconds, Ordering::SeqCst);
    }

    fn next(&self, answer: Result<Decision, ForgeError>) {
        self.forge.script.lock().unwrap().push_back(answer);
    }

    fn calls(&self) -> usize {
        self.forge.calls.load(Ordering::SeqCst)
    }

    async fn webhook(&self, body: &'static str) -> Answer {
        let request = Request::post("/-/webhook").body(Full::new(Bytes::from_static(body.as_bytes())));
        Answer::of(&self.guest.host, request.unwrap()).await
    }
}

/// Runs a request until it waits.
fn is_pending<F: Future>(request: &mut Pin<Box<F>>) -> bool {
    request
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
}

#[tokio::test]
async fn an_allowed_answer_holds_for_a_minute() {
    let world = World::new();
    for (passed, calls) in [(0, 1), (59, 1), (1, 2), (59, 2)] {
        world.pass(passed);
        assert_eq!(world.read("ada", "1").await.status, 200);
        assert_eq!(world.calls(), calls);
    }
}

#[tokio::test]
async fn the_metrics_count_answers_that_the_cache_had() {
    let world = World::new();
    for _ in 0..3 {
        assert_eq!(world.read("ada", "1").await.status, 200);
    }
    let metrics = world.guest.host.metrics();
    for line in [
        "mlforge_forge_calls_total{call=\"resolve\",result=\"answered\"} 1\n",
        "mlforge_forge_cache_hits_total 2\n",
        "mlforge_forge_cache_misses_total 1\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn an_answer_holds_no_longer_than_the_forge_says() {
    let world = World::new();
    *world.forge.holds_for.lock().unwrap() = Some(Duration::from_secs(10));
    for (passed, calls) in [(0, 1), (9, 1), (1, 2)] {
        world.pass(passed);
        assert_eq!(world.read("ada", "1").await.status, 200);
        assert_eq!(world.calls(), calls);
    }
    *world.forge.holds_for.lock().unwrap() = Some(Duration::from_secs(600));
    for (passed, calls) in [(10, 3), (60, 4)] {
        world.pass(passed);
        assert_eq!(world.read("ada", "1").await.status, 200);
        assert_eq!(world.calls(), calls);
    }
}

#[tokio::test]
async fn a_refusal_holds_for_five_seconds() {
    let world = World::new();
    world.next(Ok(Decision::Unauthenticated));
    for (passed, status, calls) in [(0, 401, 1), (4, 401, 1), (1, 200, 2)] {
        world.pass(passed);
        assert_eq!(world.read("ada", "1").await.status, status);
        assert_eq!(world.calls(), calls);
    }
    for (passed, calls) in [(0, 3), (4, 3), (1, 4)] {
        world.pass(passed);
        assert_eq!(world.read("ada", "9").await.status, 404);
        assert_eq!(world.calls(), calls);
    }
}

#[tokio::test]
async fn a_forge_cannot_lead_a_request_to_the_records_of_the_host() {
    let world = World::new();
    // The index of the files of project 1.
    let project = Project::new(ProjectId(!1), "group/1", Visibility::Private);
    world.next(Ok(Access::new(
        Actor::new("ada", "ada"),
        Scope::Api,
        Some((project, Role::Owner)),
    )
    .into()));
    assert_eq!(world.read("ada", "1").await.status, 503);
}

#[tokio::test]
async fn a_role_that_was_granted_takes_effect_within_five_seconds() {
    let world = World::new();
    *world.forge.role.lock().unwrap() = Role::Reporter;
    assert_eq!((world.read("ada", "1").await.status, world.write().await), (200, 403));
    *world.forge.role.lock().unwrap() = Role::Developer;
    world.pass(4);
    assert_eq!((world.write().await, world.calls()), (403, 1));
    world.pass(1);
    assert_eq!((world.write().await, world.calls()), (200, 2));
}

#[tokio::test]
async fn a_right_that_was_withdrawn_ends_within_a_minute() {
    let world = World::new();
    assert_eq!(world.write().await, 200);
    *world.forge.role.lock().unwrap() = Role::Reporter;
    world.pass(60);
    assert_eq!(world.write().await, 403);
}

#[tokio::test]
async fn a_failure_holds_for_a_second_or_as_long_as_the_forge_asks() {
    let world = World::new();
    world.next(Err(ForgeError::new("unplugged")));
    let down = world.read("ada", "1").await;
    assert_eq!(
        (down.status, &down.headers["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    assert_eq!((world.read("ada", "1").await.status, world.calls()), (503, 1));
    world.pass(1);
    assert_eq!((world.read("ada", "1").await.status, world.calls()), (200, 2));

    for (asked, told) in [(7, "7"), (3_600, "60")] {
        let world = World::new();
        world.next(Err(ForgeError {
            retry_after: Some(Duration::from_secs(asked)),
            ..ForgeError::new("overloaded")
        }));
        let busy = world.read("ada", "1").await;
        assert_eq!(
            (busy.status, busy.headers["retry-after"].to_str().unwrap()),
            (503, told)
        );
        world.pass(asked.min(60) - 1);
        assert_eq!((world.read("ada", "1").await.status, world.calls()), (503, 1));
        world.pass(1);
        assert_eq!((world.read("ada", "1").await.status, world.calls()), (200, 2));
    }
}

#[tokio::test]
async fn a_forge_that_is_down_never_lets_an_expired_answer_count() {
    let world = World::new();
    assert_eq!(world.read("ada", "1").await.status, 200);
    world.pass(60);
    world.next(Err(ForgeError::new("unplugged")));
    assert_eq!(world.read("ada", "1").await.status, 503);
}

#[tokio::test]
async fn callers_and_projects_have_answers_of_their_own() {
    let world = World::new();
    for (token, project) in [("ada", "1"), ("bob", "1"), ("ada", "2")] {
        assert_eq!(world.read(token, project).await.status, 200);
    }
    assert_eq!(world.calls(), 3);
    // A token and a password of the same text are two credentials.
    let password = Caller::new(&world.guest.host, "", "1").header("private-token", "ada");
    assert_eq!((password.get("/hello").await.status, world.calls()), (200, 4));
}

#[tokio::test]
async fn thirty_two_writers_with_one_token_cause_one_call() {
    let world = World::new();
    world.forge.gate.forget_permits(1_000);
    let mut writers: Vec<_> = (0..32).map(|_| Box::pin(world.write())).collect();
    assert!(writers.iter_mut().all(is_pending));
    world.forge.gate.add_permits(32);
    for writer in writers {
        assert_eq!(writer.await, 200);
    }
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn a_call_whose_request_was_given_up_is_made_by_the_next_one() {
    let world = World::new();
    world.forge.gate.forget_permits(1_000);
    let mut first = Box::pin(world.write());
    let mut second = Box::pin(world.write());
    assert!(is_pending(&mut first));
    assert!(is_pending(&mut second));
    assert_eq!(world.calls(), 1);
    drop(first);
    world.forge.gate.add_permits(1);
    assert_eq!((second.await, world.calls()), (200, 2));
}

#[tokio::test]
async fn a_webhook_removes_what_it_concerns() {
    for (event, forgotten) in [
        ("all", [true, true, true]),
        ("ada", [true, false, true]),
        ("1", [true, true, false]),
    ] {
        let world = World::new();
        let callers = [("ada", "1"), ("bob", "1"), ("ada", "2")];
        for (token, project) in callers {
            world.read(token, project).await;
        }
        assert_eq!(world.webhook(event).await.status, 204);
        for ((token, project), is_forgotten) in callers.into_iter().zip(forgotten) {
            let before = world.calls();
            assert_eq!(world.read(token, project).await.status, 200);
            assert_eq!(world.calls() > before, is_forgotten, "{event}: {token} in {project}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_asked_for_before_a_webhook_is_not_kept_after_it() {
    let world = World::new();
    world.forge.gate.forget_permits(1_000);
    let mut reading = Box::pin(world.read("ada", "1"));
    assert!(is_pending(&mut reading));
    assert_eq!(world.webhook("all").await.status, 204);
    world.forge.gate.add_permits(10);
    assert_eq!((reading.await.status, world.calls()), (200, 1));
    assert_eq!((world.read("ada", "1").await.status, world.calls()), (200, 2));
}

#[tokio::test]
async fn a_webhook_that_is_not_proven_or_not_understood_changes_nothing() {
    let world = World::new();
    world.read("ada", "1").await;
    assert_eq!(world.webhook("forged").await.error(), (403, "PERMISSION_DENIED".into()));
    assert_eq!(
        world.webhook("?").await.error(),
        (400, "INVALID_PARAMETER_VALUE".into())
    );
    world.read("ada", "1").await;
    assert_eq!(world.calls(), 1);
    // A forge that sends none.
    let request = Request::post("/-/webhook").body(Full::new(Bytes::new())).unwrap();
    let answer = Answer::of(&GuestHost::new().host, request).await;
    assert_eq!(answer.error(), (404, "ENDPOINT_NOT_FOUND".into()));
}
